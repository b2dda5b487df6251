/** The bus beside the bare system calls: appends, other processes, reading, the codec, and the tool's start. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, mkdtempSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFileBus } from '../../src/bus/file-bus.js';
import { encode } from '../../src/bus/encode.js';
import { readBatches } from '../../src/bus/reader.js';
import { Scanner } from '../../src/bus/scanner.js';
import { stampOf } from '../../src/bus/stamp.js';
import { follow } from '../../src/bus/tail.js';
import { clock } from '../../src/cli/system.js';
import type { BusQuery } from '../../src/core/ports.js';
import { command } from '../support/service.js';
import { openBareLog } from './bare-log.js';
import { killedHolder } from './bus-killed-holder.js';
import { memory } from './bus-memory.js';
import { BODY, busOf, record } from './bus-of.js';
import { inTurns, quantile, timeOf, type Bench, type Report } from './measure.js';

const KEY = Buffer.alloc(32, 7);
const median = (times: readonly number[]): number => quantile(times, 0.5);
const folder = (): string => mkdtempSync(join(tmpdir(), 'bus-bench-'));
const appends = async (report: Report, root: string): Promise<void> => {
  const bus = await openFileBus({
    root,
    key: KEY,
    clock,
    durability: 'fsync',
    rotation: { bytes: Infinity, age_ms: Infinity },
  });
  const bare = openBareLog(join(root, 'bare'));
  for (const [waiting, bar] of [
    [1, 0.75],
    [64, 0.7],
    [256, 0.5],
  ] as const) {
    const rounds = waiting === 1 ? 30 : 20;
    const draft = {
      type: 'INFO',
      task_id: 'task-20260101',
      data: { path: 'src/index.ts', branch: 'main' },
      body: BODY,
    };
    const bytes = record(0);
    const callers = (append: () => Promise<unknown>) => async (): Promise<void> => {
      const caller = async (): Promise<void> => {
        for (let round = 0; round < rounds; round += 1) await append();
      };
      await Promise.all(Array.from({ length: waiting }, caller));
    };
    const ours = callers(() => bus.append([draft]));
    const together = Buffer.concat(Array.from({ length: waiting }, () => bytes));
    const loop = async (): Promise<void> => {
      for (let round = 0; round < rounds; round += 1) await bare.append(together);
    };
    const asMany = callers(() => bare.append(bytes));
    for (let warm = 0; warm < 20; warm += 1) for (const action of [ours, loop, asMany]) await action();
    const compare = async (against: string, reference: () => Promise<void>, bound?: number): Promise<void> => {
      const times = await inTurns(30, ours, reference);
      const rate = (list: number[]): number => (1_000 * rounds * waiting) / median(list);
      report({
        name: `durable append, ${waiting} waiting`,
        kind: 'rate',
        ours: rate(times.ours),
        reference: rate(times.reference),
        against,
        ...(bound === undefined ? {} : { bar: bound }),
      });
    };
    await compare('a bare write and fdatasync of all of them', loop, bar);
    // What the same number of callers cost where nothing is encoded, ordered or locked.
    if (waiting > 1) await compare('as many bare callers that share a write and an fdatasync', asMany);
  }
  bare.close();
  await bus.close();
};

const APPENDER = join(import.meta.dirname, 'bus-appender.mjs');

/** Starts processes that append on a sign; resolves with what each says at its end. */
const appenders = async (processes: number, args: readonly string[]): Promise<{ ms: number; slowest: number }> => {
  const children = Array.from({ length: processes }, () =>
    spawn(process.execPath, [APPENDER, ...args], { stdio: ['pipe', 'pipe', 'inherit'] }),
  );
  await Promise.all(children.map((child) => once(child.stdout, 'data')));
  const answers = children.map(async (child) => JSON.parse(String((await once(child.stdout, 'data'))[0])) as number);
  const started = performance.now();
  for (const child of children) child.stdin.write('go\n');
  const slowest = Math.max(...(await Promise.all(answers)));
  const ms = performance.now() - started;
  for (const child of children) child.stdin.end();
  return { ms, slowest };
};

const processes = async (report: Report): Promise<void> => {
  const times = { ours: [] as number[], reference: [] as number[] };
  for (let round = 0; round < 5; round += 1) {
    for (const mode of round % 2 ? (['reference', 'ours'] as const) : (['ours', 'reference'] as const)) {
      const root = folder();
      times[mode].push((await appenders(4, [mode === 'ours' ? 'bus' : 'bare', root, '1000', '4000'])).ms);
      rmSync(root, { recursive: true });
    }
  }
  report({
    name: '4 processes appending durably',
    kind: 'rate',
    ours: 4_000_000 / median(times.ours),
    reference: 4_000_000 / median(times.reference),
    against: 'the same without the lock',
    bar: 0.7,
  });
  const root = folder();
  const { slowest } = await appenders(50, ['bus', root, '200']);
  let count = 0;
  const ids = new Set<string>();
  for await (const events of readBatches(root, KEY))
    for (const { msg_id } of events) ids.add(`${msg_id} ${++count - count}`);
  if (ids.size !== 10_000 || count !== 10_000)
    throw new Error(`50 × 200 appends gave ${count} messages, ${ids.size} ids`);
  report({
    name: 'slowest of 50 processes × 200 appends',
    kind: 'time',
    ours: slowest,
    reference: 2_000,
    against: 'two seconds',
    bar: 1,
  });
  rmSync(root, { recursive: true });
};

const delivery = async (report: Report): Promise<void> => {
  const root = folder();
  const seen = { ours: new Map<string, number>(), bare: new Map<string, number>() };
  const following = follow({ root, key: KEY }).subscribe(({ events }) => {
    const now = performance.timeOrigin + performance.now();
    for (const { body } of events) seen.ours.set(body, now);
  });
  const bare = join(root, 'bare');
  writeFileSync(bare, '');
  let wake = (): void => undefined;
  const watcher = watch(bare, () => {
    wake();
  });
  const child = spawn(process.execPath, [APPENDER, 'pairs', root, '500'], { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  let stamps: [string, 'ours' | 'bare', number][] = [];
  wake = () => {
    seen.bare.set(String(seen.bare.size), performance.timeOrigin + performance.now());
  };
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await once(child, 'exit');
  stamps = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as [string, 'ours' | 'bare', number]);
  for (let waited = 0; waited < 100 && seen.ours.size < 1_000; waited += 1)
    await new Promise((resolve) => setTimeout(resolve, 50));
  following.unsubscribe();
  watcher.close();
  if (seen.ours.size !== 1_000) throw new Error(`${1_000 - seen.ours.size} of 1000 appends were not delivered`);
  const bareWrites = stamps.filter(([, kind]) => kind === 'bare');
  const bareTimes = [...seen.bare.values()].map(
    (at) => at - Math.max(...bareWrites.map(([, , sent]) => sent).filter((sent) => sent <= at)),
  );
  const ours = stamps.flatMap(([body, kind, sent]) => (kind === 'ours' ? [seen.ours.get(body)! - sent] : []));
  for (const [name, p, plus] of [
    ['p50', 0.5, 1],
    ['p99', 0.99, 5],
  ] as const)
    report({
      name: `append in one process to delivery in another, ${name}`,
      kind: 'time',
      ours: quantile(ours, p),
      reference: quantile(bareTimes, p),
      against: 'bare fs.watch callback',
      bar: 1,
      plus,
    });
  rmSync(root, { recursive: true });
};

const codec = async (report: Report): Promise<void> => {
  const fields = {
    ...stampOf({ ms: Date.UTC(2026, 0, 1), ns: 0 }, 42, 1),
    type: 'INFO',
    project_id: 'default',
    task_id: 'task-20260101',
    run_id: '20260101-0000000000-42-1',
    source: 'cli',
    parents: [{ msg_id: 'MSG-20260101-000000-000000000-PID1-0001', kind: 'caused_by' }],
    depth: 1,
    trust: 'full' as const,
    data: { path: 'src/index.ts', branch: 'main' },
    body: '',
  };
  const COUNT = 5_000;
  const ours = (): void => {
    for (let index = 0; index < COUNT; index += 1) new Scanner(undefined).push(encode(fields));
  };
  const reference = (): void => {
    for (let index = 0; index < COUNT; index += 1) JSON.parse(JSON.stringify(fields));
  };
  for (let warm = 0; warm < 5; warm += 1) {
    ours();
    reference();
  }
  const times = await inTurns(20, ours, reference);
  report({
    name: 'a record encoded and decoded',
    kind: 'time',
    ours: median(times.ours) / COUNT,
    reference: median(times.reference) / COUNT,
    against: 'JSON of the same fields',
    bar: 3,
  });
};

const countOf = async (root: string, query: BusQuery): Promise<number> => {
  let count = 0;
  for await (const events of readBatches(root, KEY, query)) count += events.length;
  return count;
};

const reading = async (report: Report): Promise<void> => {
  const small = folder();
  const large = folder();
  busOf(small, 1_000);
  busOf(large, 1_000_000);
  const near = (records: number): BusQuery => ({
    since_id: stampOf({ ms: Date.UTC(2026, 0, 1) + records - 10, ns: 0 }, 42, records - 10).msg_id,
  });
  const since = (root: string, records: number) => async (): Promise<void> => {
    for (let round = 0; round < 10; round += 1)
      if ((await countOf(root, near(records))) !== 9) throw new Error('since_id: not the last nine');
  };
  for (let warm = 0; warm < 5; warm += 1) await since(small, 1_000)();
  const times = await inTurns(20, since(large, 1_000_000), since(small, 1_000));
  report({
    name: 'since an id near the end of 1,000,000 messages',
    kind: 'time',
    ours: median(times.ours) / 10,
    reference: median(times.reference) / 10,
    against: 'of 1,000',
    bar: 1.5,
  });
  for (const root of [small, large]) rmSync(root, { recursive: true });

  const root = folder();
  const records = Math.round(100_000_000 / record(0).length);
  busOf(root, records);
  const plain = async (): Promise<void> => {
    let bytes = 0;
    for await (const chunk of createReadStream(join(root, 'MESSAGE-BUS.md'), { highWaterMark: 1024 * 1024 }))
      bytes += (chunk as Buffer).length;
    if (bytes < 99_000_000) throw new Error('too little was read');
  };
  for (const [name, query, bar] of [
    ['by type', { types: ['RARE'] }, 12],
    ['in full', {}, 40],
  ] as const) {
    const found = await inTurns(
      5,
      async () => {
        const count = await countOf(root, query);
        if (count !== (name === 'in full' ? records : Math.ceil(records / 10)))
          throw new Error(`${count} messages ${name}`);
      },
      plain,
    );
    report({
      name: `100 MB read ${name}`,
      kind: 'time',
      ours: median(found.ours),
      reference: median(found.reference),
      against: 'plain read of the file',
      bar,
    });
  }
  rmSync(root, { recursive: true });
};

const toolStart = async (report: Report): Promise<void> => {
  const root = folder();
  const env = { ...process.env };
  delete env['NODE_EXTRA_CA_CERTS'];
  const start = (args: readonly string[]) => async (): Promise<void> => {
    const [code] = (await once(spawn(process.execPath, args, { env, stdio: 'ignore' }), 'exit')) as [number];
    if (code !== 0) throw new Error(`${args.join(' ')} left with ${code}`);
  };
  const write = start([command('messagebus-tool'), 'write', 'hello', '--root', root]);
  await timeOf(write);
  const times = await inTurns(20, write, start(['-e', '0']));
  report({
    name: 'messagebus-tool write, the whole process',
    kind: 'time',
    ours: median(times.ours),
    reference: median(times.reference),
    against: 'node -e 0',
    bar: 1,
    plus: 30,
  });
  rmSync(root, { recursive: true });
};

const bench: Bench = async (report) => {
  const root = folder();
  await appends(report, root);
  rmSync(root, { recursive: true });
  await processes(report);
  await killedHolder(report);
  await delivery(report);
  await codec(report);
  await reading(report);
  await memory(report);
  await toolStart(report);
};
export default bench;
