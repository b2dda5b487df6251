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
export class WsSink implements Sink {
  readonly kind = 'ws';
  readonly #socket: WebSocket;
  readonly #connection: Duplex;
  readonly #goodbye_ms: number;
  #answered = true;

  constructor(socket: WebSocket, connection: Duplex, goodbye_ms: number) {
    this.#socket = socket;
    this.#connection = connection;
    this.#goodbye_ms = goodbye_ms;
    socket.on('pong', () => (this.#answered = true));
    // A watcher that breaks its connection is no news; `close` follows.
    socket.on('error', () => undefined);
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  write(bytes: Buffer, most: number): boolean {
    if (this.#socket.readyState !== WebSocket.OPEN) return true;
    const connection = this.#connection;
    const waiting = connection.writableLength;
    if (waiting > 0 && waiting + bytes.length > most) return false;
    connection.write(bytes);
    return true;
  }

  writeAndWait(bytes: Buffer): Promise<boolean> {
    return new Promise((resolve) => this.#connection.write(bytes, (error) => resolve(!error)));
  }

  say(event: string, data: unknown): void {
    if (this.isOpen) this.#socket.send(JSON.stringify({ event, data }));
  }

  unknownSince(message: string): boolean {
    this.say('error', { code: 'not_found', message });
    this.#close(1008, 'not_found');
    return false;
  }

  end(why: keyof typeof CODES, last: string | undefined): void {
    this.#close(CODES[why], last === undefined ? WORDS[why] : `${WORDS[why]}; since=${last}`);
  }

  ping(): void {
    if (!this.#answered) {
      this.#socket.terminate();
      return;
    }
    this.#answered = false;
    if (this.isOpen) this.#socket.ping();
  }

  onClose(listener: () => void): void {
    this.#socket.once('close', listener);
  }

  #close(code: number, reason: string): void {
    this.#socket.close(code, reason);
    // The goodbye waits behind everything unread; whoever does not read is not waited for.
    setTimeout(() => this.#socket.terminate(), this.#goodbye_ms).unref();
  }
}
