import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { asyncScheduler, concatMap, EMPTY, from, type Subscription } from 'rxjs';
import { WebSocket, type ClientOptions } from 'ws';
import { createCredentials } from '../../src/api/access/credentials.js';
import { createGate } from '../../src/api/access/gate.js';
import { createLimits } from '../../src/api/access/limits.js';
import { createSessions, type Sessions } from '../../src/api/access/sessions.js';
import { createApi } from '../../src/api/app.js';
import { messageDoor } from '../../src/api/message-door.js';
import { webhookDoor } from '../../src/api/webhook-door.js';
import { openAudit } from '../../src/api/audit.js';
import { commandsFor } from '../../src/api/commands.js';
import type { ApiOptions } from '../../src/api/doors.js';
import type { Endpoint } from '../../src/api/endpoint.js';
import { endpointsOf } from '../../src/api/endpoints.js';
import { openLists, type Lists } from '../../src/api/lists/lists.js';
import { createMetrics } from '../../src/api/metrics.js';
import { listen, type Listening } from '../../src/api/server.js';
import { createHub, type Hub } from '../../src/broadcast/hub.js';
import { createExplainer } from '../../src/cli/explainer.js';
import { deliveryWorker } from '../../src/cli/package-folder.js';
import { openMemoryBus } from '../../src/bus/memory-bus.js';
import { configSchema, type RequestRates } from '../../src/core/config.js';
import type { Blobs, Bus, Clock, Handlers, Ledger, Log, Rules, Runs, Tickets } from '../../src/core/ports.js';
import { shareFollow } from '../../src/operators/share-follow.js';
import { openLedger } from '../../src/ledger/ledger.js';
import { createAgents } from '../../src/runner/agents.js';
import { openBlobs } from '../../src/bus/blobs.js';
import { createWebhooks } from '../../src/sources/webhooks.js';
import { createIds } from '../../src/storage/ids.js';
import { openRuns } from '../../src/storage/run-store.js';
import { createTickets } from '../../src/storage/tickets.js';
import { project, temporary } from '../support/service.js';

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
  lists: Lists;
  ledger: Ledger;
  sessions: Sessions;
  endpoints: Endpoint[];
  server: Listening;
  url: string;
  ws: string;
  root: string;
  /** The root's own. */
  token: string;
  tickets: Tickets;
  runs: Runs;
  stopped: string[];
  lines: Logged[];
  drain(): void;
  /** The broadcast reads no further, as when all work has ended. */
  stopTelling(): void;
  close(): Promise<void>;
}

const RATES = configSchema.parse({}).service.requests_per_second;
const none = Promise.resolve();
const BUILD = {
  name: 'build',
  hash: 'def',
  file: '/handlers/build.yaml',
  steps: [{ kind: 'agent', id: 'make', agents: ['shell'], prompt: 'true' }],
};
export const TOKEN = `ct_${'5'.repeat(64)}`;

/** Headers of the root's own token. */
export const signedIn = (token = TOKEN): Record<string, string> => ({ authorization: `Bearer ${token}` });

/** The API as the service puts it together, on a free port and a bus in memory. */
export const open = async ({
  bus: given = openMemoryBus({ clock }),
  takeWebhooks = true,
  allowedHosts,
  trustedProxies,
  blobs = openBlobs(temporary('blobs')),
  rates = {},
  limitsClock = clock,
}: {
  bus?: Bus;
  takeWebhooks?: boolean;
  allowedHosts?: string[];
  trustedProxies?: string[];
  blobs?: Blobs;
  rates?: Partial<RequestRates>;
  limitsClock?: Pick<Clock, 'now'>;
} = {}): Promise<World> => {
  const bus = { ...given, follow: shareFollow(given) };
  const lines: Logged[] = [];
  const log = logInto(lines);
  const root = temporary('api');
  const ledger = await openLedger(bus);
  const lists = await openLists({ bus, log });
  const hub = createHub({
    bus,
    log,
    rulesOf: (event) =>
      typeof event.data['activation'] === 'string' ? [event.data['activation'].split('/')[0] ?? ''] : [],
    // However busy the machine is, a watcher that reads gets its goodbye.
    goodbye_ms: 60_000,
  });
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
    worker: deliveryWorker,
  });
  const telling = hub.start().subscribe();
  const running: Subscription[] = [telling];
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
  const tickets = createTickets(Buffer.alloc(32, 7));
  const sessions = createSessions(clock);
  const gate = createGate({
    credentials: createCredentials({ token: TOKEN, tickets, sessions, ledger, clock }),
    limits: createLimits(limitsClock, { ...RATES, ...rates }),
    allowedHosts,
    trustedProxies,
  });
  const audit = await openAudit(join(root, 'audit.jsonl'), { clock, log });
  const runs = openRuns(root);
  const stopped: string[] = [];
  let isDraining = false;
  const options: ApiOptions = {
    bus,
    ledger,
    lists,
    runs,
    runner: {
      stop: (run) => {
        stopped.push(run.run_id);
        return none;
      },
    },
    ids: createIds(clock),
    sources: () => [{ name: 'webhooks', description: 'webhooks: github, own' }],
    rules: {
      current: { hash: 'abc', rules: [{ id: 'one', on: ['CODE_PUSHED'], do: 'build' }] },
      changes$: EMPTY,
      close: () => none,
    } as unknown as Rules,
    explainer: createExplainer({ bus, rules: { current: { hash: 'abc', rules: [] } }, rootPath: root }),
    handlers: {
      list: () => [BUILD],
      find: (name: string) => (name === BUILD.name ? BUILD : undefined),
    } as unknown as Handlers,
    agents: createAgents({ config: {}, environment: { PATH: '/usr/bin:/bin' } }),
    webhooks,
    hub,
    gate,
    sessions,
    audit,
    metrics: createMetrics({ lists, ledger, watchers: () => hub.size }),
    log,
    clock,
    isDraining: () => isDraining,
    uiFolder: join(project, 'src', 'ui'),
    folder: root,
    version: '0.1.0',
    startedAt: clock.now(),
  };
  const server = await listen({
    app: createApi(options),
    before: [messageDoor(options), webhookDoor(options)],
    hub,
    gate,
    audit,
    commandsFor: commandsFor(options),
    port: 0,
  });
  await lists.ready();
  return {
    bus,
    blobs,
    hub,
    lists,
    ledger,
    sessions,
    endpoints: endpointsOf(options),
    server,
    url: server.url,
    ws: server.url.replace('http', 'ws'),
    root,
    token: TOKEN,
    tickets,
    runs,
    stopped,
    lines,
    drain: () => (isDraining = true),
    stopTelling: () => telling.unsubscribe(),
    async close() {
      server.kill();
      for (const one of running) one.unsubscribe();
      await lists.close();
      await ledger.close();
      await audit.close();
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
  const socket = new WebSocket(url, { ...options, headers: { ...signedIn(), ...options.headers } });
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

/** As the root's owner, unless the headers say otherwise; a header that is undefined is left out. */
const headersOf = (headers: Record<string, string | undefined>): Record<string, string> =>
  Object.fromEntries(
    Object.entries({ ...signedIn(), ...headers }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    ),
  );

export const post = (url: string, body: unknown, headers: Record<string, string | undefined> = {}) =>
  fetch(url, {
    method: 'POST',
    headers: headersOf({ 'content-type': 'application/json', ...headers }),
    body: typeof body === 'string' || body instanceof Blob ? body : JSON.stringify(body),
  });

export const get = (url: string, headers: Record<string, string | undefined> = {}, method = 'GET') =>
  fetch(url, { method, headers: headersOf(headers) });

export const all = async (bus: Bus) => {
  const events = [];
  for await (const event of bus.read()) events.push(event);
  return events;
};

let runs = 0;
/** A run as the ledger and the disk know one, without its process. */
export const startRun = async (world: World, scope: { project_id?: string; task_id?: string } = {}) => {
  const run_id = `20261121-0101010000-1-${++runs}`;
  const { project_id = 'default', task_id = 'task-1' } = scope;
  const start = { run_id, project_id, task_id, agent: 'shell', cwd: '/', depth: 0, attempt: 1 };
  const path = world.runs.folder(start);
  const folder = await world.runs.create(
    {
      ...start,
      version: 1,
      process_ownership: 'managed',
      pid: 1,
      pgid: 1,
      start_time: '2026-11-21T01:01:01.000Z',
      end_time: '0001-01-01T00:00:00Z',
      exit_code: -1,
      status: 'running',
      prompt_path: join(path, 'prompt.md'),
      output_path: join(path, 'output.md'),
      stdout_path: join(path, 'agent-stdout.txt'),
      stderr_path: join(path, 'agent-stderr.txt'),
      commandline: '/bin/sh',
      trust: 'full',
      timeout_ms: 300_000,
    },
    'echo hello',
  );
  const say = async (type: string, data: Record<string, unknown>): Promise<void> => {
    const [receipt] = await world.bus.record([{ project_id, task_id, run_id, type, data }]);
    await world.lists.until(receipt?.msg_id ?? '');
    await world.ledger.until(receipt?.msg_id ?? '');
  };
  await say('RUN_START', start);
  return {
    ...start,
    folder,
    stop: (status: 'completed' | 'failed' = 'completed') =>
      say('RUN_STOP', { run_id, status, exit: status === 'completed' ? 0 : 1, exit_code: 0, duration_ms: 5 }),
  };
};
