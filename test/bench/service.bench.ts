/** The service: posts, lists, broadcast, memory and restart, each beside the bare thing. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readSync, writeFileSync } from 'node:fs';
import { createServer, request, Agent } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { WebSocketServer } from 'ws';
import { openFileBus } from '../../src/bus/file-bus.js';
import { openMemoryBus } from '../../src/bus/memory-bus.js';
import type { Bus } from '../../src/core/ports.js';
import { clock } from '../../src/cli/system.js';
import { openRoot } from '../../src/storage/root.js';
import { open, TOKEN, watch, type World } from '../api/world.js';
import { cleanEnvironment, startService, temporary, type Service } from '../support/service.js';
import { inTurns, quantile, timeOf, type Bench, type Report } from './measure.js';

const beside = (name: string): string => join(import.meta.dirname, name);

/** Sends the request so often over so many connections, each the next when the last is answered. */
const storm = (port: number, text: string, connections: number, total: number): Promise<void> =>
  new Promise((resolve, reject) => {
    let left = total;
    let waiting = total;
    for (let n = 0; n < connections; n++) {
      const socket = connect(port, '127.0.0.1');
      const next = (): void => {
        if (left === 0) return;
        left -= 1;
        socket.write(text);
      };
      socket.on('connect', next);
      socket.on('error', reject);
      socket.on('data', (bytes) => {
        // An answer of ours fits into one piece.
        if (!bytes.includes('HTTP/1.1 202')) reject(new Error(bytes.toString('utf8')));
        waiting -= 1;
        if (waiting === 0) resolve();
        if (left === 0) socket.end();
        else next();
      });
    }
  });

/** A table that is asked about every message and answers none of them. */
const quiet = (): { cwd: string; args: string[] } => {
  const folder = temporary('bench');
  mkdirSync(join(folder, 'rules'));
  mkdirSync(join(folder, 'handlers'));
  const rules = Array.from({ length: 20 }, (_, n) => `  - { id: rule-${n}, on: CODE_PUSHED_${n}, do: go }\n`).join('');
  writeFileSync(join(folder, 'rules', 'go.yaml'), `rules:\n${rules}`);
  writeFileSync(join(folder, 'handlers', 'go.yaml'), "name: go\nsteps: [{ shell: 'true' }]\n");
  writeFileSync(join(folder, 'config.yaml'), 'timers: {}\n');
  return { cwd: folder, args: ['--root', join(folder, 'runs')] };
};

const posts = async (report: Report): Promise<void> => {
  const { cwd, args } = quiet();
  const service = await startService(args, { cwd, env: cleanEnvironment() });
  const reference = fork(beside('service-reference.mjs'));
  const [{ port }] = (await once(reference, 'message')) as [{ port: number }];
  const body = JSON.stringify({ type: 'NOTED', project_id: 'bench', body: 'x'.repeat(200) });
  const text =
    `POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${service.token}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const own = Number(new URL(service.url).port);
  const each = 2_000;
  // Both as they are when they have served for a while.
  await storm(own, text, 32, 5 * each);
  await storm(port, text, 32, 5 * each);
  const { ours, reference: bare } = await inTurns(
    9,
    () => storm(own, text, 32, each),
    () => storm(port, text, 32, each),
  );
  reference.kill();
  await service.stop();
  const rate = (times: number[]): number => (each * 1_000) / quantile(times, 0.5);
  report({
    name: 'POST message to durable 202, 32 connections, rules on',
    kind: 'rate',
    ours: rate(ours),
    reference: rate(bare),
    against: 'koa without storage',
    bar: 0.6,
  });
};

/** Twenty of them run still and twenty are of one task, however many there are: the pages asked for are alike. */
const withRuns = async (count: number): Promise<World> => {
  const bus = openMemoryBus({ clock });
  const each = count / 20;
  for (let n = 0; n < count; n++) {
    const run_id = `20261121-010101${String(n).padStart(4, '0')}-1-${n}`;
    const start = {
      run_id,
      project_id: n % each === 3 ? 'some' : `p-${n % 7}`,
      task_id: n % each === 3 ? 'rare' : `t-${n % 97}`,
      agent: 'shell',
      cwd: '/',
      depth: 0,
      attempt: 1,
    };
    await bus.record([{ type: 'RUN_START', data: start }]);
    if (n % each) await bus.record([{ type: 'RUN_STOP', data: { run_id, status: 'completed', exit: 0 } }]);
  }
  return open({ bus });
};

const lists = async (report: Report): Promise<void> => {
  const [many, few] = await Promise.all([withRuns(10_000), withRuns(100)]);
  const agent = new Agent({ keepAlive: true });
  const get = (url: string): Promise<void> =>
    new Promise((resolve, reject) => {
      request(url, { agent, headers: { authorization: `Bearer ${TOKEN}` } }, (answer) => {
        answer.resume().on('end', resolve);
      })
        .on('error', reject)
        .end();
    });
  for (const query of ['', '&status=running', '&project_id=some&task_id=rare', '&status=failed']) {
    const path = `/api/v1/runs?limit=50${query}`;
    await Promise.all([get(many.url + path), get(few.url + path)]);
    // Of so many that what the machine did in one moment is not the quantile.
    const { ours, reference } = await inTurns(
      4_000,
      () => get(many.url + path),
      () => get(few.url + path),
    );
    report({
      name: `GET runs${query} of 10,000, p99`,
      kind: 'time',
      ours: quantile(ours, 0.99),
      reference: quantile(reference, 0.99),
      against: 'of 100',
      bar: 2,
    });
  }
  agent.destroy();
  await Promise.all([many.close(), few.close()]);
};

/** Crowds of watchers in another process: one for all, so that what it is like is no difference between them. */
const crowds = async (count: number) => {
  const child: ChildProcess = fork(beside('service-watchers.mjs'), [String(count), TOKEN]);
  const said = async (key: string): Promise<void> => {
    for (;;) {
      const [message] = (await once(child, 'message')) as [Record<string, unknown>];
      if (key in message) return;
    }
  };
  await said('started');
  return {
    /** Another crowd, at this port. */
    async join(port: number): Promise<void> {
      const open = said('open');
      child.send({ watch: port });
      await open;
    },
    /** From the telling until the last watcher has the last message. */
    async heard(messages: number, tell: () => unknown): Promise<number> {
      const ready = said('counting');
      child.send({ more: messages * count });
      await ready;
      const all = said('heard');
      return timeOf(async () => {
        await tell();
        await all;
      });
    },
    async close(): Promise<void> {
      child.kill();
      await once(child, 'exit');
    },
  };
};

const WATCHERS = 1_000;
const broadcast = async (report: Report): Promise<void> => {
  const world = await open();
  const before = process.memoryUsage().rss;
  const watchers = await crowds(WATCHERS);
  await watchers.join(world.server.port);
  report({
    name: 'memory of an idle watcher',
    kind: 'bytes',
    ours: (process.memoryUsage().rss - before) / WATCHERS,
    reference: 20 * 1_024,
    against: 'the most that is asked for',
    bar: 1,
  });
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  const server = createServer();
  server.on('upgrade', (incoming, socket, head) => sockets.handleUpgrade(incoming, socket, head, () => undefined));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  await watchers.join((server.address() as AddressInfo).port);
  const draft = { type: 'SAID', body: `^${'x'.repeat(150)}` };
  const text = JSON.stringify({ event: 'message', data: { ...draft, filler: 'x'.repeat(250) } });
  const sendAll = (messages: number): void => {
    for (let n = 0; n < messages; n++) for (const one of sockets.clients) one.send(text);
  };
  for (const [messages, bar, name, rounds] of [
    [1, 1, 'a single message', 101],
    [50, 4, 'a burst of 50', 15],
  ] as const) {
    const times = { ours: [] as number[], reference: [] as number[] };
    const turns = {
      reference: async () => times.reference.push(await watchers.heard(messages, () => sendAll(messages))),
      ours: async () => {
        const tell = () => world.bus.append(Array.from({ length: messages }, () => draft));
        times.ours.push(await watchers.heard(messages, tell));
      },
    };
    // By turns, as `inTurns`: what is timed is said by the crowd.
    for (let round = 0; round < rounds; round++)
      for (const turn of round % 2 ? (['ours', 'reference'] as const) : (['reference', 'ours'] as const))
        await turns[turn]();
    const rate = (list: number[]): number => (messages * WATCHERS * 1_000) / quantile(list, 0.5);
    report({
      name: `${name} to ${WATCHERS} watchers, deliveries`,
      kind: 'rate',
      ours: rate(times.ours),
      reference: rate(times.reference),
      against: 'a loop of ws.send',
      bar,
    });
  }
  await watchers.close();
  sockets.close();
  server.close();
  await world.close();
};

const fileBus = async (root: string): Promise<Bus> => {
  const { path, key } = await openRoot(root);
  return openFileBus({ root: path, key, clock, durability: 'fsync' });
};

const latency = async (report: Report): Promise<void> => {
  const bus = await fileBus(join(temporary('bench'), 'runs'));
  const world = await open({ bus });
  const watcher = await watch(`${world.ws}/ws`);
  const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  await once(sockets, 'listening');
  const bare = await watch(`ws://127.0.0.1:${(sockets.address() as AddressInfo).port}`);
  let n = 0;
  const { ours, reference } = await inTurns(
    200,
    async () => {
      n += 1;
      void bus.append([{ type: 'SAID' }]);
      await watcher.until((frames) => frames.length === n);
    },
    async () => {
      const had = bare.frames.length;
      for (const one of sockets.clients) one.send('{"event":"message","data":{}}');
      await bare.until((frames) => frames.length > had);
    },
  );
  report({
    name: 'append to watcher, p50',
    kind: 'time',
    ours: quantile(ours, 0.5),
    reference: quantile(reference, 0.5),
    against: 'ws.send alone',
    bar: 1,
    plus: 5,
  });
  bare.socket.terminate();
  sockets.close();
  await world.close();
};

const MANY = 1_000_000;
const restart = async (report: Report): Promise<void> => {
  const { cwd, args } = quiet();
  const root = join(cwd, 'runs');
  const bus = await fileBus(root);
  for (let n = 0; n < MANY; n += 20_000)
    await bus.append(Array.from({ length: 20_000 }, (_, k) => ({ type: 'NOTED', body: `message ${n + k}` })));
  await bus.close();
  const file = join(root, 'MESSAGE-BUS.md');
  const wait = async (condition: () => Promise<boolean>): Promise<void> => {
    while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  const start = async (work = async (_service: Service): Promise<void> => undefined): Promise<void> => {
    const service = await startService(args, { cwd, env: cleanEnvironment() });
    await wait(async () => (await fetch(`${service.url}/api/v1/ready`)).status === 200);
    await work(service);
    service.process.kill('SIGKILL');
    await once(service.process, 'exit');
  };
  // The first start decides what was said while nobody was there, and says where it came to. The ones after are restarts.
  await start(async ({ url, token }) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const posted = await fetch(`${url}/api/v1/messages`, { method: 'POST', headers, body: '{"type":"LAST"}' });
    const { msg_id } = (await posted.json()) as { msg_id: string };
    await wait(async () => {
      const answer = await fetch(`${url}/api/v1/messages?type=ROUTED&limit=1`, { headers });
      const { messages } = (await answer.json()) as { messages: { data: { last?: string } }[] };
      return messages.some(({ data }) => (data.last ?? '') >= msg_id);
    });
  });
  await start();
  const ours = [await timeOf(() => start()), await timeOf(() => start()), await timeOf(() => start())];
  const reference = await timeOf(() => {
    const fd = openSync(file, 'r');
    const buffer = Buffer.alloc(1024 * 1024);
    while (readSync(fd, buffer) > 0);
    closeSync(fd);
  });
  report({
    name: `restart to ready with ${MANY} messages`,
    kind: 'time',
    ours: quantile(ours, 0.5),
    reference,
    against: 'reading the open segment',
    bar: 1,
    plus: 10_000,
  });
};

const bench: Bench = async (report) => {
  await posts(report);
  await lists(report);
  await broadcast(report);
  await latency(report);
  await restart(report);
};
export default bench;
