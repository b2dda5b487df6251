/** What a step costs above its bare process; a map beside a bare pool; ten thousand activations that wait. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openFileBus } from '../../src/bus/file-bus.js';
import { spawnHelper, sweepWorker } from '../../src/cli/package-folder.js';
import { clock } from '../../src/cli/system.js';
import { openRoot } from '../../src/storage/root.js';
import { handler, openWorld } from '../pipeline/world.js';
import { cleanEnvironment, startService, temporary, until } from '../support/service.js';
import { quantile, timeOf, type Bench, type Report } from './measure.js';

/** As the service starts them. */
const starts = { ahead: true, spawnHelper, sweepWorker };

const bareProcess = (script: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const file = join(temporary('bare'), 'script');
    writeFileSync(file, script);
    spawn('/bin/sh', [file], { stdio: 'ignore' })
      .on('error', reject)
      .on('close', () => resolve());
  });

/** Twenty steps one after the other, and twenty bare processes beside them, in turns. */
const overhead = async (report: Report): Promise<void> => {
  const COUNT = 20;
  const steps = Array.from({ length: COUNT }, (_, index) => `- { id: s${index}, shell: 'true' }`).join('\n');
  const world = await openWorld({ files: { 'h.yaml': handler('h', steps) }, durability: 'fsync', starts });
  const ours: number[] = [];
  const bare: number[] = [];
  await world.go('h');
  for (let round = 0; round < 5; round++) {
    let last = 0;
    const watching = world.ledger.folded$.subscribe((event) => {
      if (event.type !== 'STEP_FINISHED') return;
      const now = performance.now();
      if (last > 0) ours.push(now - last);
      last = now;
    });
    await world.go('h');
    watching.unsubscribe();
    for (let count = 0; count < COUNT; count++) bare.push(await timeOf(() => bareProcess('true')));
  }
  await world.close();
  report({
    name: 'one step after the other, p50',
    kind: 'time',
    ours: quantile(ours, 0.5),
    reference: quantile(bare, 0.5),
    against: 'bare spawn of the same script',
    bar: 1,
    plus: 5,
  });
};

const map = async (report: Report): Promise<void> => {
  const COUNT = 1_000;
  const world = await openWorld({
    files: {
      'h.yaml': handler(
        'h',
        `- { map: { items: event.data.items, max_concurrent: 16, steps: [{ shell: 'sleep 0.1' }] } }`,
      ),
    },
    durability: 'fsync',
    starts,
  });
  const items = Array.from({ length: COUNT }, (_, index) => index);
  const ours = await timeOf(() => world.go('h', { items }));
  const failed = (await world.events('STEP_FINISHED')).filter(({ data }) => data['status'] !== 'completed').length;
  if (failed > 0) throw new Error(`${failed} items failed`);
  await world.close();
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next++ < COUNT) await bareProcess('sleep 0.1');
  };
  const bare = await timeOf(() => Promise.all(Array.from({ length: 16 }, lane)));
  report({
    name: 'map over 1,000 items of sleep 0.1, 16 at once',
    kind: 'rate',
    ours: (COUNT * 1_000) / ours,
    reference: (COUNT * 1_000) / bare,
    against: 'a bare pool of the same spawns',
    bar: 0.7,
  });
};

const memoryOf = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024;

/** What it holds when it is at rest: the least within so long. */
const restingMemoryOf = async (pid: number): Promise<number> => {
  let least = memoryOf(pid);
  for (let second = 0; second < 12; second++) {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    least = Math.min(least, memoryOf(pid));
  }
  return least;
};

const waiting = async (report: Report): Promise<void> => {
  const COUNT = 10_000;
  const folder = temporary('bench');
  mkdirSync(join(folder, 'rules'));
  mkdirSync(join(folder, 'handlers'));
  writeFileSync(join(folder, 'rules', 'go.yaml'), 'rules: [{ id: go, on: GO, do: h }]\n');
  writeFileSync(
    join(folder, 'handlers', 'h.yaml'),
    handler('h', "- { id: w, wait: { event: ANSWER, match: { data.n: '{{ event.data.n }}' } }, timeout: 1d }"),
  );
  writeFileSync(join(folder, 'config.yaml'), 'timers: {}\n');
  const root = await openRoot(join(folder, 'runs'));
  const bus = await openFileBus({ root: root.path, key: root.key, clock, durability: 'os' });
  const options = { cwd: folder, env: cleanEnvironment() };
  const count = async (type: string): Promise<number> => {
    let found = 0;
    for await (const _event of bus.read({ types: [type] })) found++;
    return found;
  };
  const first = await startService([], options);
  for (let from = 0; from < COUNT; from += 500)
    await bus.append(Array.from({ length: 500 }, (_, index) => ({ type: 'GO', data: { n: `n${from + index}` } })));
  await until('all wait', async () => ((await count('STEP_STARTED')) === COUNT ? true : undefined), 100_000);
  report({
    name: 'memory with 10,000 waiting activations, at rest',
    kind: 'bytes',
    ours: await restingMemoryOf(first.process.pid!),
    reference: 200_000_000,
    against: 'the limit',
    bar: 1,
  });
  await first.stop();
  const started = performance.now();
  const second = await startService([], options);
  const listening = performance.now() - started;
  await bus.append([{ type: 'ANSWER', data: { n: 'n4711' } }]);
  await until('the answered one ends', async () => ((await count('HANDLER_FINISHED')) === 1 ? true : undefined));
  report({ name: 'restart with them', kind: 'time', ours: listening, reference: 3_000, against: 'the limit', bar: 1 });
  report({
    name: 'memory after the restart',
    kind: 'bytes',
    ours: await restingMemoryOf(second.process.pid!),
    reference: 200_000_000,
    against: 'the limit',
    bar: 1,
  });
  await second.stop();
  await bus.close();
};

const bench: Bench = async (report) => {
  await overhead(report);
  await map(report);
  await waiting(report);
};
export default bench;
