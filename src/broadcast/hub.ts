import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { concatMap, defer, from, ignoreElements, interval, merge, type Observable, retry, tap } from 'rxjs';
import type { WebSocket } from 'ws';
import { ConductorError, toConductorError } from '../core/errors.js';
import type { Event } from '../core/event.js';
import type { Batch, Bus, Cursor, Log } from '../core/ports.js';
import { Client } from './client.js';
import { wants, type Filter, type RulesOf } from './filter.js';
import { obey, type Commands } from './protocol.js';
import { replay } from './replay.js';
import type { Sink } from './sink.js';
import { sseSink } from './sse-sink.js';
import { told, type Kind, type Told } from './told.js';
import { WsSink } from './ws-sink.js';

export interface Watch {
  /** First everything after this message, then what happens, each once. */
  since?: string | undefined;
  /** Default: everything. */
  filters?: readonly Filter[] | undefined;
}

export interface Hub {
  /** A new watcher on a WebSocket; `connection` is what it runs over. */
  handle(socket: WebSocket, options: Watch & { connection: Duplex; commands?: Commands | undefined }): void;
  /** A new watcher on an event stream. */
  stream(response: ServerResponse, options?: Watch): void;
  /** Tells everything that happens from now on; one reading of the bus for all watchers. */
  start(): Observable<never>;
  /** Resolves when nothing said from now on would be missed. */
  ready(): Promise<void>;
  readonly size: number;
  /** Tells what was said until now, and then goodbye, to every watcher. Whoever comes meanwhile is turned away. */
  close(): Promise<void>;
}

const PING_EVERY_MS = 15_000;
const RETRY_AFTER_MS = 1_000;
const BREATH_BYTES = 128 * 1024;
const MOST_GOODBYE_MS = 3_000;

/** Watchers that want the same over the same kind of wire: their messages are put together once. */
interface Group {
  filters: readonly Filter[];
  kind: Kind;
  clients: Set<Client>;
}

export const createHub = ({
  bus,
  log,
  rulesOf = () => [],
  goodbye_ms = MOST_GOODBYE_MS,
}: {
  bus: Bus;
  log: Log;
  rulesOf?: RulesOf | undefined;
  /** So long a watcher may take to hear the goodbye. */
  goodbye_ms?: number | undefined;
}): Hub => {
  const groups = new Map<string, Group>();
  let size = 0;
  /** The last message told, or the last there was before the first was told. */
  let last: string | undefined;
  let cursor: Cursor | undefined;
  let closed = false;
  let telling = Promise.resolve();
  let nowReady: () => void;
  const readiness = new Promise<void>((resolve) => (nowReady = resolve));

  const begin = async (): Promise<Cursor> => {
    if (cursor !== undefined) return cursor;
    for await (const event of bus.read({ tail: 1 })) last = event.msg_id;
    cursor = await bus.end();
    nowReady();
    return cursor;
  };

  const tellGroup = ({ filters, kind, clients }: Group, messages: readonly Told[]): void => {
    const wanted = messages.filter(({ event }) => wants(filters, event, rulesOf));
    if (wanted.length === 0) return;
    // In one piece, for the cost of telling is the cost of the write.
    const bytes = wanted.length === 1 ? wanted[0]!.bytes(kind) : Buffer.concat(wanted.map((one) => one.bytes(kind)));
    for (const client of clients) client.live(wanted, bytes);
  };

  const tell = async (events: readonly Event[]): Promise<void> => {
    if (groups.size === 0) {
      last = events.at(-1)?.msg_id ?? last;
      return;
    }
    for (let at = 0; at < events.length;) {
      const messages: Told[] = [];
      // A long batch in one breath would fill the buffer of a watcher that reads well, too.
      for (let bytes = 0; at < events.length && bytes < BREATH_BYTES; at += 1) {
        const event = events[at]!;
        messages.push(told(event));
        bytes += event.body.length + 512;
      }
      for (const group of groups.values()) tellGroup(group, messages);
      last = messages.at(-1)?.event.msg_id ?? last;
      if (at < events.length && size > 0) await setImmediate();
    }
  };

  const tellBatch = async ({ events, cursor: after }: Batch): Promise<void> => {
    // Who closes tells what is left.
    if (closed) return;
    telling = tell(events);
    await telling;
    cursor = after;
  };

  /** What was said since the reading of the bus ended. */
  const tellRest = async (): Promise<void> => {
    await telling;
    if (cursor === undefined || size === 0) return;
    const rest: Event[] = [];
    for await (const event of bus.read({ since_id: last ?? '' })) rest.push(event);
    await tell(rest);
  };

  const enter = (client: Client, filters: readonly Filter[]): (() => void) => {
    const { kind } = client.sink;
    const key = `${kind} ${JSON.stringify(filters)}`;
    const group = groups.get(key) ?? { filters, kind, clients: new Set() };
    groups.set(key, group);
    group.clients.add(client);
    return () => {
      group.clients.delete(client);
      if (group.clients.size === 0) groups.delete(key);
    };
  };

  /** From now on the watcher hears what the filters take, after what it missed of it. */
  const subscriber = (client: Client) => {
    let leave: (() => void) | undefined;
    const subscribe = ({ since, filters = [] }: Watch): void => {
      if (since !== undefined && !client.holdBack())
        throw new ConductorError('conflict', 'the messages of the last "since" are still being told');
      leave?.();
      leave = enter(client, filters);
      if (since === undefined) return;
      const isWanted = (event: Event): boolean => wants(filters, event, rulesOf);
      replay({ bus, client, since, last, isWanted }).catch((error: unknown) => {
        const { code, message } = toConductorError(error);
        if (code === 'not_found') {
          if (client.sink.unknownSince(message)) client.join(new Set());
          return;
        }
        log.warn('a watcher could not be given what it missed', { code, reason: message });
        client.sink.end('failed', undefined);
      });
    };
    return { subscribe, leave: () => leave?.() };
  };

  const welcome = (sink: Sink, watch: Watch) => {
    let isHere = true;
    const letGo = (): void => {
      if (!isHere) return;
      isHere = false;
      size -= 1;
      leave();
    };
    const client = new Client(sink, letGo);
    const { subscribe, leave } = subscriber(client);
    size += 1;
    sink.onClose(letGo);
    subscribe(watch);
    return subscribe;
  };

  const everyone = function* (): Generator<Client> {
    for (const { clients } of groups.values()) yield* clients;
  };

  return {
    handle(socket, { connection, commands, ...watch }) {
      if (closed) {
        socket.close(1001, 'the conductor is stopping');
        return;
      }
      const sink = new WsSink(socket, connection, goodbye_ms);
      const subscribe = welcome(sink, watch);
      socket.on('message', (text: Buffer, isBinary) => void obey({ sink, text, isBinary, subscribe, commands }));
    },
    stream(response, watch = {}) {
      const sink = sseSink(response);
      if (closed) sink.end('stopping', undefined);
      else welcome(sink, watch);
    },
    start: () =>
      merge(
        defer(() => from(begin())).pipe(
          concatMap((position) => bus.follow(position)),
          concatMap(tellBatch),
          tap({
            error: (error: unknown) =>
              log.error('the broadcast lost the bus and begins again', { reason: toConductorError(error).message }),
          }),
          retry({ delay: RETRY_AFTER_MS }),
        ),
        interval(PING_EVERY_MS).pipe(
          tap(() => {
            for (const { sink } of everyone()) sink.ping();
          }),
        ),
      ).pipe(ignoreElements()),
    ready: () => readiness,
    get size() {
      return size;
    },
    async close() {
      closed = true;
      await tellRest().catch((error: unknown) =>
        log.warn('the watchers could not be told the last messages', { reason: toConductorError(error).message }),
      );
      for (const client of [...everyone()]) client.goodbye();
    },
  };
};
