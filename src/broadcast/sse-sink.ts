import type { ServerResponse } from 'node:http';
import { sseEvent } from '../core/sse.js';
import type { Sink } from './sink.js';

/** How soon a client comes back by itself. */
const COME_BACK_MS = 1_000;

/** An event stream. The client's own `Last-Event-ID` brings it back to where it was. */
export const sseSink = (response: ServerResponse): Sink => {
  response.on('error', () => undefined);
  response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' });
  response.write(`retry: ${COME_BACK_MS}\n\n`);

  return {
    kind: 'sse',
    get isOpen() {
      return !response.writableEnded && !response.destroyed;
    },
    write(bytes, most) {
      if (response.writableEnded || response.destroyed) return true;
      const waiting = response.writableLength;
      if (waiting > 0 && waiting + bytes.length > most) return false;
      response.write(bytes);
      return true;
    },
    writeAndWait: (bytes) => new Promise((resolve) => response.write(bytes, (error) => resolve(!error))),
    say: (event, data) => void response.write(sseEvent(event, data)),
    unknownSince(message) {
      this.say('reset', { code: 'not_found', message });
      return true;
    },
    end(why, last) {
      this.say('end', { why, ...(last === undefined ? {} : { last }) });
      response.end();
    },
    ping() {
      response.write(sseEvent('heartbeat', {}));
    },
    onClose: (listener) => void response.once('close', listener),
  };
};
