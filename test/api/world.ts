import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asyncScheduler, concatMap, EMPTY, from, type Subscription } from 'rxjs';
import { WebSocket, type ClientOptions } from 'ws';
import { createApi } from '../../src/api/app.js';
import { listen, type Listening } from '../../src/api/server.js';
import { createHub, type Hub } from '../../src/broadcast/hub.js';
import { openMemoryBus } from '../../src/bus/memory-bus.js';
import type { Agents, Blobs, Bus, Clock, Handlers, Ledger, Log, Rules } from '../../src/core/ports.js';
import { openBlobs } from '../../src/storage/blobs.js';
import { createWebhooks } from '../../src/sources/webhooks.js';

export const clock: Clock = { now: () => Date.now(), scheduler: asyncScheduler };

export interface Logged {
  level: string;
  message: string;
  fields: Record<string, unknown> | undefined;
}

export const logInto = (lines: Logged[]): Log => {
  const at =
    (level: string) =>
    (message: string, fields?: Record<string, unknown>): void =>
      void lines.push({ level, message, fields });
  return { info: at('info'), warn: at('warn'), error: at('error') };
};

export const OLD_SECRET = 'an older secret';
export const SECRET = 'a secret for the tests';
export const sign = (body: string | Buffer, secret = SECRET): string =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;

export interface World {
  bus: Bus;
  blobs: Blobs;
  hub: Hub;
  server: Listening;
  url: string;
  ws: string;
  lines: Logged[];
  close(): Promise<void>;
}

const none = Promise.resolve();

/** The API as the service puts it together, on a free port and a bus in memory. */
export const open = async ({
  bus = openMemoryBus({ clock }),
  takeWebhooks = true,
  allowedHosts,
  blobs = openBlobs(mkdtempSync(join(tmpdir(), 'blobs-'))),
}: { bus?: Bus; takeWebhooks?: boolean; allowedHosts?: string[]; blobs?: Blobs } = {}): Promise<World> => {
  const lines: Logged[] = [];
  const log = logInto(lines);
  const hub = createHub({ bus, log });
  const webhooks = createWebhooks({
    config: {
      github: { secrets: [SECRET] },
      own: { secrets: [SECRET, OLD_SECRET], provider: 'generic' },
      slack: { secrets: [SECRET] },
      stripe: { secrets: [SECRET] },
      bitbucket: { secrets: [SECRET] },
    },
    blobs,
    clock,
  });
  const running: Subscription[] = [hub.start().subscribe()];
  if (takeWebhooks) {
    running.push(
      webhooks
        .open()
        .pipe(
          concatMap(({ drafts, settle }) =>
            from(
              bus.append(drafts).then(
                (receipts) => settle?.({ receipts }),
                (error: unknown) => settle?.({ error }),
              ),
            ).pipe(concatMap(() => EMPTY)),
          ),
        )
        .subscribe(),
    );
  }
  const view = {
    paused: false,
    routed_to: undefined,
    activations: new Map([['one/MSG', { status: 'open' }]]),
    runs: new Map([['run-1', { run_id: 'run-1', agent: 'shell' }]]),
    chains: new Map(),
    windows: new Map(),
    lineage: new Map(),
  };
  const app = createApi({
    bus,
    ledger: { view, folded$: EMPTY, record: () => Promise.resolve([]), close: () => none } as unknown as Ledger,
    rules: {
      current: { hash: 'abc', rules: [{ id: 'one', on: ['CODE_PUSHED'], do: 'build' }] },
      changes$: EMPTY,
      close: () => none,
    } as unknown as Rules,
    handlers: {
      list: () => [{ name: 'build', hash: 'def', file: '/handlers/build.yaml', steps: [{ shell: 'true' }] }],
    } as unknown as Handlers,
    agents: { list: () => [{ name: 'shell', backend: 'shell' }] } as unknown as Agents,
    webhooks,
    hub,
    log,
    clock,
    allowedHosts,
    version: '0.1.0',
    startedAt: clock.now(),
  });
  const server = await listen({ app, hub, port: 0, allowedHosts });
  return {
    bus,
    blobs,
    hub,
    server,
    url: server.url,
    ws: server.url.replace('http', 'ws'),
    lines,
    async close() {
      server.kill();
      for (const one of running) one.unsubscribe();
      await bus.close();
    },
  };
};

interface Frame {
  event: string;
  data: { msg_id: string; type: string; body: string; code?: string };
}

/** A watcher that keeps what it gets. */
export const watch = async (url: string, options: ClientOptions = {}) => {
  const socket = new WebSocket(url, options);
  const frames: Frame[] = [];
  const waiting = new Set<() => void>();
  let code: number | undefined;
  socket.on('message', (text: Buffer) => {
    frames.push(JSON.parse(text.toString()) as Frame);
    for (const look of waiting) look();
  });
  const closed = new Promise<number>((resolve) => socket.once('close', (given) => resolve((code = given))));
  await once(socket, 'open');
  return {
    socket,
    frames,
    bodies: () => frames.filter(({ event }) => event === 'message').map(({ data }) => data.body),
    closed,
    code: () => code,
    until: (condition: (frames: readonly Frame[]) => boolean) =>
      new Promise<void>((resolve) => {
        const look = (): void => {
          if (!condition(frames)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
};

export const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' || body instanceof Blob ? body : JSON.stringify(body),
  });

export const all = async (bus: Bus) => {
  const events = [];
  for await (const event of bus.read()) events.push(event);
  return events;
};
