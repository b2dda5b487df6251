import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { Sink } from './sink.js';

const CODES = { slow: 1013, stopping: 1001, failed: 1011 } as const;
const WORDS = { slow: 'too slow', stopping: 'the conductor is stopping', failed: 'reading the bus failed' } as const;

/**
 * Messages are written to the connection itself, past `ws`: one write carries many frames that were made once for all
 * watchers. That is sound while nothing is compressed, for then `ws` writes its own frames at once, too. `goodbye_ms`: how
 * long a goodbye may take.
 */
export const wsSink = (socket: WebSocket, connection: Duplex, goodbye_ms: number): Sink => {
  let answered = true;
  socket.on('pong', () => (answered = true));
  // A watcher that breaks its connection is no news; `close` follows.
  socket.on('error', () => undefined);

  const close = (code: number, reason: string): void => {
    socket.close(code, reason);
    // The goodbye waits behind everything unread; whoever does not read is not waited for.
    setTimeout(() => socket.terminate(), goodbye_ms).unref();
  };

  return {
    kind: 'ws',
    get isOpen() {
      return socket.readyState === WebSocket.OPEN;
    },
    get waiting() {
      return connection.writableLength;
    },
    write: (bytes) => void connection.write(bytes),
    writeAndWait: (bytes) => new Promise((resolve) => connection.write(bytes, (error) => resolve(!error))),
    say(event, data) {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ event, data }));
    },
    unknownSince(message) {
      this.say('error', { code: 'not_found', message });
      close(1008, 'not_found');
      return false;
    },
    end(why, last) {
      close(CODES[why], last === undefined ? WORDS[why] : `${WORDS[why]}; since=${last}`);
    },
    ping() {
      if (!answered) {
        socket.terminate();
        return;
      }
      answered = false;
      if (socket.readyState === WebSocket.OPEN) socket.ping();
    },
    onClose: (listener) => void socket.once('close', listener),
  };
};
