import { setImmediate } from 'node:timers/promises';
import { concatMap, defer, from, ignoreElements, interval, merge, type Observable, retry, tap } from 'rxjs';
import type { WebSocket } from 'ws';
import { toConductorError } from '../core/errors.js';
import type { Event } from '../core/event.js';
import type { Batch, Bus, Cursor, Log } from '../core/ports.js';
import { createClient, type Client } from './client.js';
import { replay } from './replay.js';

export interface Hub {
  /** A new watcher. With `since` it first gets everything after that message, then what happens, each once. */
  handle(socket: WebSocket, options?: { since?: string | undefined }): void;
  /** Tells everything that happens from now on; one reading of the bus for all watchers. */
  start(): Observable<never>;
  /** Resolves when nothing said from now on would be missed. */
  ready(): Promise<void>;
  readonly size: number;
  /** Says goodbye to every watcher. */
  close(): void;
}

const PING_EVERY_MS = 30_000;
const RETRY_AFTER_MS = 1_000;
const BREATH_BYTES = 128 * 1024;

export const frameOf = (event: Event): Buffer => Buffer.from(JSON.stringify({ event: 'message', data: event }));

export const createHub = ({ bus, log }: { bus: Bus; log: Log }): Hub => {
  const clients = new Set<Client>();
  /** The last message told, or the last there was before the first was told. */
  let last: string | undefined;
  let cursor: Cursor | undefined;
  let closed = false;
  let nowReady: () => void;
  const readiness = new Promise<void>((resolve) => (nowReady = resolve));

  const begin = async (): Promise<Cursor> => {
    if (cursor !== undefined) return cursor;
    for await (const event of bus.read({ tail: 1 })) last = event.msg_id;
    cursor = await bus.end();
    nowReady();
    return cursor;
  };

  const tell = async (batch: Batch): Promise<void> => {
    let bytes = 0;
    for (const event of batch.events) {
      last = event.msg_id;
      if (clients.size === 0) continue;
      // Written out once, however many watch.
      const frame = frameOf(event);
      for (const client of clients) client.live(event.msg_id, frame);
      bytes += frame.length;
      if (bytes < BREATH_BYTES) continue;
      // A long batch in one breath would fill the buffer of a watcher that reads well, too.
      bytes = 0;
      await setImmediate();
    }
    cursor = batch.cursor;
  };

  const ping = (): void => {
    for (const client of clients) client.ping();
  };

  return {
    handle(socket, options = {}) {
      if (closed) {
        socket.close(1001, 'the conductor is stopping');
        return;
      }
      const client = createClient(socket, options.since !== undefined);
      clients.add(client);
      socket.once('close', () => clients.delete(client));
      // A watcher that breaks its connection is no news; `close` follows.
      socket.on('error', () => undefined);
      if (options.since === undefined) return;
      replay({ bus, client, since: options.since, last, frameOf }).catch((error: unknown) => {
        const { code, message } = toConductorError(error);
        log.warn('a watcher could not be given what it missed', { code, reason: message });
        client.refuse(code, code === 'internal' ? 'reading the bus failed' : message);
      });
    },
    start: () =>
      merge(
        defer(() => from(begin())).pipe(
          concatMap((position) => bus.follow(position)),
          concatMap(tell),
          tap({
            error: (error: unknown) =>
              log.error('the broadcast lost the bus and begins again', { reason: toConductorError(error).message }),
          }),
          retry({ delay: RETRY_AFTER_MS }),
        ),
        interval(PING_EVERY_MS).pipe(tap(ping)),
      ).pipe(ignoreElements()),
    ready: () => readiness,
    get size() {
      return clients.size;
    },
    close() {
      closed = true;
      for (const client of clients) client.goodbye();
    },
  };
};
