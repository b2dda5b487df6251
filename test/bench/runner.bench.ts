/** Agents as processes: how soon they start, how many, and what their starter pays. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { lastValueFrom } from 'rxjs';
import { openFileBus } from '../../src/bus/file-bus.js';
import { spawnHelper, sweepWorker } from '../../src/cli/package-folder.js';
import { clock } from '../../src/cli/system.js';
import type { RunEnd } from '../../src/core/run.js';
import { openRoot } from '../../src/storage/root.js';
import { openWorld } from '../runner/world.js';
import { cleanEnvironment, startService, temporary } from '../support/service.js';
import { inTurns, quantile, type Bench, type Report } from './measure.js';

/** Appends the time of its first instruction, in ns since the epoch. */
const STAMP = 'date +%s%N >> "$1"\n';

const linesOf = (path: string): string[] =>
  existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];

const firstInstruction = async (report: Report): Promise<void> => {
  const folder = temporary('bench');
  const stamp = join(folder, 'stamp.sh');
  writeFileSync(stamp, STAMP);
  for (const name of ['rules', 'handlers']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'rules', 'go.yaml'), 'rules: [{ id: go, on: GO, do: go }]\n');
  writeFileSync(join(folder, 'handlers', 'go.yaml'), `name: go\nsteps: [{ shell: 'date +%s%N >> ${folder}/ours' }]\n`);
  writeFileSync(join(folder, 'config.yaml'), 'timers: {}\n');
  const service = await startService(['--root', join(folder, 'runs')], { cwd: folder, env: cleanEnvironment() });
  const root = await openRoot(join(folder, 'runs'));
  const bus = await openFileBus({ root: root.path, key: root.key, clock, durability: 'fsync' });
  const next = async (path: string, begin: () => unknown): Promise<number> => {
    const before = linesOf(path).length;
    const began = performance.timeOrigin + performance.now();
    await begin();
    while (linesOf(path).length === before) await new Promise((resolve) => setTimeout(resolve, 2));
    // What follows the first instruction is over before the next begins.
    await new Promise((resolve) => setTimeout(resolve, 25));
    return Number(BigInt(linesOf(path).at(-1)!) / 1_000n) / 1_000 - began;
  };
  const times = { ours: [] as number[], reference: [] as number[] };
  for (let round = 0; round < 110; round++) {
    const ours = await next(join(folder, 'ours'), () => bus.append([{ type: 'GO' }]));
    const bare = await next(join(folder, 'bare'), () =>
      spawn('/bin/sh', [stamp, join(folder, 'bare')], { stdio: 'ignore' }),
    );
    // The first ones compile the code.
    if (round < 10) continue;
    times.ours.push(ours);
    times.reference.push(bare);
  }
  await bus.close();
  await service.stop();
  const row = { kind: 'time', against: 'bare spawn', bar: 1 } as const;
  const name = 'event appended to first instruction of its agent';
  report({
    ...row,
    name: `${name}, p50`,
    ours: quantile(times.ours, 0.5),
    reference: quantile(times.reference, 0.5),
    plus: 6,
  });
  report({
    ...row,
    name: `${name}, p99`,
    ours: quantile(times.ours, 0.99),
    reference: quantile(times.reference, 0.99),
    plus: 15,
  });
};

const AT_ONCE = 16;
const IDLE_LOOP = join(import.meta.dirname, 'idle-loop.mjs');

/** So many at once, until all are done. */
const inLanes = async (count: number, work: () => Promise<unknown>): Promise<void> => {
  let left = count;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left-- > 0) await work();
    }),
  );
};

const throughput = async (report: Report): Promise<void> => {
  const world = await openWorld({ slotCount: AT_ONCE, ahead: true, spawnHelper, sweepWorker });
  const COUNT = 500;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const run = (): Promise<RunEnd> =>
    lastValueFrom(world.runner.attempt(world.specOf('shell', 'sleep 0.1\n'))) as Promise<RunEnd>;
  const bare = (): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const files = ['out', 'err'].map((name) => openSync(join(world.work, name), 'a'));
      const env = { ...world.environment, RUN_ID: 'x' };
      const child = spawn('/bin/sh', ['-c', 'sleep 0.1\n:'], { stdio: ['ignore', ...files], env, detached: true });
      child.once('error', reject);
      child.once('exit', resolve);
      for (const file of files) closeSync(file);
    });
  const beside = spawn(process.execPath, [IDLE_LOOP], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(beside.stdout, 'data');
  const measure = (isOn: boolean): void => {
    if (isOn) delay.enable();
    else delay.disable();
    beside.stdin.write(isOn ? 'on\n' : 'off\n');
  };
  measure(true);
  const { ours, reference } = await inTurns(
    3,
    // All of them at once: 16 run, the others wait in the queue.
    () => Promise.all(Array.from({ length: COUNT }, run)),
    async () => {
      measure(false);
      await inLanes(COUNT, bare);
      measure(true);
    },
  );
  measure(false);
  beside.stdin.end();
  const [idle] = (await once(beside.stdout, 'data')) as [Buffer];
  report({
    name: `the event loop held up while they start and end, p99`,
    kind: 'time',
    ours: delay.percentile(99) / 1e6,
    reference: Number(idle),
    against: 'the loop of a process that does nothing beside them',
    bar: 1,
    plus: 3,
  });
  const rate = (times: number[]): number => (1_000 * COUNT) / quantile(times, 0.5);
  report({
    name: `runs of sleep 0.1, ${AT_ONCE} at once, ${COUNT} asked for at once`,
    kind: 'rate',
    ours: rate(ours),
    reference: rate(reference),
    against: `a loop of bare spawns, ${AT_ONCE} at once`,
    bar: 0.75,
  });
};

const idle = async (report: Report): Promise<void> => {
  const world = await openWorld({ slotCount: AT_ONCE, ahead: true, spawnHelper, sweepWorker });
  await lastValueFrom(world.runner.attempt(world.specOf('shell', 'true\n')));
  const before = process.memoryUsage().rss;
  const specs = Array.from({ length: AT_ONCE }, () => world.specOf('shell', 'sleep 1000\n'));
  const ends = specs.map((spec) => lastValueFrom(world.runner.attempt(spec)));
  for (const spec of specs)
    while (((await world.runs.find(spec))?.pid ?? -1) < 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const used = Math.max(0, process.memoryUsage().rss - before) / AT_ONCE;
  await Promise.all(specs.map((spec) => world.runner.stop(spec, 'measured')));
  await Promise.all(ends);
  await world.runner.close();
  report({
    name: 'memory of ours for each running agent',
    kind: 'bytes',
    ours: used,
    reference: 2 * 1024 * 1024,
    against: 'what is allowed',
    bar: 1,
  });
};

const bench: Bench = async (report) => {
  await firstInstruction(report);
  await throughput(report);
  await idle(report);
};
export default bench;
