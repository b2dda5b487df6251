/** Every stream of the service, cut at random bytes and taken up again: no gap, nothing twice. Then slow clients. */
import { appendFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { openEvents } from '../api/event-source.js';
import { open, signedIn, startRun, type World } from '../api/world.js';
import { randomOf } from '../support/random.js';
import type { Chaos } from './run.js';

const CYCLES = 1_000;

/** Lets a number of bytes through to the client, then breaks the connection in the middle of whatever it was. */
const cutter = async (target: number, bytesLeft: () => number): Promise<{ port: number; server: Server }> => {
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    let left = bytesLeft();
    const cut = (): void => {
      client.destroy();
      upstream.destroy();
    };
    client.pipe(upstream);
    upstream.on('data', (bytes: Buffer) => {
      client.write(bytes.subarray(0, left));
      left -= bytes.length;
      if (left <= 0) client.end(cut);
    });
    client.on('error', cut).on('close', cut);
    upstream.on('error', cut).on('close', () => client.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, server };
};

const checkWhole = (name: string, heard: readonly string[], said: readonly string[]): void => {
  if (heard.length === said.length && heard.every((one, index) => one === said[index])) return;
  const at = heard.findIndex((one, index) => one !== said[index]);
  throw new Error(
    `${name}: heard ${heard.length} of ${said.length}; first difference at ${at}: ${heard[at]} for ${said[at]}`,
  );
};

/** Says something every now and then until it is told to stop. */
const speaker = (say: () => unknown): (() => void) => {
  const timer = setInterval(() => void say(), 1);
  return () => clearInterval(timer);
};

const bySocket = async (world: World, port: number, cycles: number): Promise<{ heard: string[]; said: string[] }> => {
  const said: string[] = [];
  const heard: string[] = [];
  let since = '';
  const listen = (direct: boolean, enough: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const at = direct ? world.server.port : port;
      const socket = new WebSocket(`ws://127.0.0.1:${at}/ws?type=SAID&since=${since}`, { headers: signedIn() });
      socket.on('error', () => undefined);
      socket.on('message', (text: Buffer) => {
        const { event, data } = JSON.parse(text.toString()) as {
          event: string;
          data: { msg_id: string; body: string };
        };
        if (event !== 'message') throw new Error(text.toString());
        heard.push(data.body);
        since = data.msg_id;
        if (enough()) socket.terminate();
      });
      socket.on('close', () => resolve());
    });
  const stop = speaker(() => {
    said.push(String(said.length));
    return world.bus.append([{ type: 'SAID', body: said.at(-1) ?? '' }]);
  });
  for (let cycle = 0; cycle < cycles; cycle++) await listen(false, () => false);
  stop();
  if (heard.length < said.length) await listen(true, () => heard.length >= said.length);
  return { heard, said };
};

const byStream = async (
  path: string,
  ports: { cut: number; direct: number },
  cycles: number,
  say: () => string,
  take: (event: string, data: Record<string, unknown>) => string | undefined,
  /** It tells what happens from now on: whoever comes for the first time has a place to come back to before. */
  fromNowOn = false,
): Promise<{ heard: string[]; said: string[] }> => {
  const said: string[] = [];
  const heard: string[] = [];
  let last: string | undefined;
  let counted = 0;
  const listen = async (port: number, enough: () => boolean): Promise<void> => {
    counted = 0;
    const headers: Record<string, string> = last === undefined ? {} : { 'last-event-id': last };
    const events = await openEvents(`http://127.0.0.1:${port}${path}`, headers).catch(() => undefined);
    if (!events) return;
    const collect = (): void => {
      for (; counted < events.list.length; counted++) {
        const { event, id, data } = events.list[counted]!;
        const one = take(event, data);
        if (one !== undefined) heard.push(one);
        last = id ?? last;
      }
    };
    await Promise.race([
      events.ended,
      events.until(() => {
        collect();
        return enough();
      }),
    ]);
    collect();
    events.close();
  };
  if (fromNowOn) await listen(ports.direct, () => last !== undefined);
  const stop = speaker(() => said.push(say()));
  for (let cycle = 0; cycle < cycles; cycle++) await listen(ports.cut, () => false);
  stop();
  if (heard.length < said.length) await listen(ports.direct, () => heard.length >= said.length);
  return { heard, said };
};

const slowClients = async (world: World, count: number): Promise<{ told: number; letGo: number }> => {
  const slow = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<WebSocket>((resolve, reject) => {
          const socket = new WebSocket(`${world.ws}/ws`, { headers: signedIn() });
          socket.once('open', () => {
            socket.pause();
            resolve(socket);
          });
          socket.once('error', reject);
        }),
    ),
  );
  const good = await openEvents(`${world.url}/api/v1/messages/stream?type=LOUD`);
  const body = 'x'.repeat(64 * 1024);
  let told = 0;
  while (world.hub.size > 1) {
    await world.bus.append([{ type: 'LOUD', body }]);
    told += 1;
    await good.until((list) => list.filter(({ event }) => event === 'message').length === told);
    if (told > 500) throw new Error(`${world.hub.size - 1} slow clients are still there after ${told} messages`);
  }
  for (const socket of slow) socket.terminate();
  good.close();
  return { told, letGo: count };
};

const chaos: Chaos = async ({ seed, log }) => {
  const random = randomOf(seed);
  const world = await open();
  const { port, server } = await cutter(world.server.port, () => 1 + Math.floor(random() * 6_000));
  const ports = { cut: port, direct: world.server.port };
  try {
    const socket = await bySocket(world, port, CYCLES);
    checkWhole('WebSocket', socket.heard, socket.said);
    log(`WebSocket: ${CYCLES} cuts, ${socket.said.length} messages, each once and in order`);

    let number = 0;
    const messages = await byStream(
      '/api/v1/messages/stream?type=TOLD&since=',
      ports,
      CYCLES,
      () => {
        const body = String(number++);
        void world.bus.append([{ type: 'TOLD', body }]);
        return body;
      },
      (event, data) => (event === 'message' ? String(data['body']) : undefined),
    );
    checkWhole('messages', messages.heard, messages.said);
    log(`messages: ${CYCLES} cuts, ${messages.said.length} messages, each once and in order`);

    const run = await startRun(world);
    let line = 0;
    const output = await byStream(
      `/api/v1/runs/${run.run_id}/stream`,
      ports,
      CYCLES,
      () => {
        const text = `zeile ${line++} ü`;
        appendFileSync(join(run.folder, 'agent-stdout.txt'), `${text}\n`);
        return text;
      },
      (event, data) => (event === 'log' ? String(data['line']) : undefined),
    );
    checkWhole("a run's output", output.heard, output.said);
    log(`a run's output: ${CYCLES} cuts, ${output.said.length} lines, each once and in order`);

    const both = [run, await startRun(world)];
    let turn = 0;
    const lines = await byStream(
      '/api/v1/runs/stream',
      ports,
      CYCLES,
      () => {
        const one = both[turn++ % 2]!;
        const text = `${one.run_id} ${turn}`;
        appendFileSync(join(one.folder, 'agent-stdout.txt'), `${text}\n`);
        return text;
      },
      (event, data) => (event === 'log' ? String(data['line']) : undefined),
      true,
    );
    for (const { run_id } of both) {
      const of = (list: readonly string[]): string[] => list.filter((one) => one.startsWith(run_id));
      checkWhole('all runs', of(lines.heard), of(lines.said));
    }
    log(`all runs: ${CYCLES} cuts, ${lines.said.length} lines of two runs, each once and in order`);

    const slow = await slowClients(world, 200);
    log(
      `${slow.letGo} clients that do not read were let go within ${slow.told} messages of 64 KiB; one that reads missed none`,
    );
  } finally {
    server.close();
    await world.close();
  }
};
export default chaos;
