/** The main job, thin: durable append, webhook to 202, event to agent process, each beside the bare thing. */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  fdatasync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openFileBus } from '../../src/bus/file-bus.js';
import { clock } from '../../src/cli/system.js';
import { openRoot } from '../../src/storage/root.js';
import { cleanEnvironment, startService, temporary } from '../support/service.js';
import { inTurns, quantile, type Bench, type Report } from './measure.js';
import { signedDelivery } from './webhooks.js';

const sync = promisify(fdatasync);

const append = async (report: Report): Promise<void> => {
  const root = await openRoot(temporary('bench'));
  const bus = await openFileBus({ root: root.path, key: root.key, clock, durability: 'fsync' });
  const bare = openSync(join(root.path, 'bare'), 'a');
  const bytes = Buffer.alloc(300, 'x');
  const { ours, reference } = await inTurns(
    20,
    async () => {
      for (let count = 0; count < 50; count++) await bus.append([{ type: 'INFO', body: 'x'.repeat(100) }]);
    },
    async () => {
      for (let count = 0; count < 50; count++) {
        writeSync(bare, bytes);
        await sync(bare);
      }
    },
  );
  closeSync(bare);
  await bus.close();
  const rate = (times: number[]): number => 50_000 / quantile(times, 0.5);
  report({
    name: 'durable append, one waiting',
    kind: 'rate',
    ours: rate(ours),
    reference: rate(reference),
    against: 'bare write and fdatasync',
    bar: 0.75,
  });
};

/** The agent is a program that leaves the time of its first instruction. */
const start = async (report: Report): Promise<void> => {
  const folder = temporary('bench');
  const stamp = join(folder, 'stamp.sh');
  writeFileSync(stamp, '#!/bin/sh\ndate +%s%N >> "$1"\n');
  chmodSync(stamp, 0o755);
  mkdirSync(join(folder, 'rules'), { recursive: true });
  mkdirSync(join(folder, 'handlers'), { recursive: true });
  writeFileSync(join(folder, 'rules', 'go.yaml'), 'rules: [{ id: go, on: GO, do: go }]\n');
  writeFileSync(join(folder, 'handlers', 'go.yaml'), `name: go\nsteps: [{ shell: '${stamp} ${folder}/ours' }]\n`);
  writeFileSync(join(folder, 'config.yaml'), 'timers: {}\n');
  const service = await startService(['--root', join(folder, 'runs')], { cwd: folder, env: cleanEnvironment() });
  const root = await openRoot(join(folder, 'runs'));
  const bus = await openFileBus({ root: root.path, key: root.key, clock, durability: 'fsync' });
  const lines = (name: string): string[] =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8').split('\n').filter(Boolean) : [];
  const next = async (name: string, begin: () => unknown): Promise<number> => {
    const before = lines(name).length;
    const began = performance.timeOrigin + performance.now();
    await begin();
    while (lines(name).length === before) await new Promise((resolve) => setTimeout(resolve, 2));
    return Number(BigInt(lines(name).at(-1)!) / 1_000n) / 1_000 - began;
  };
  const times = { ours: [] as number[], reference: [] as number[] };
  for (let round = 0; round < 30; round++) {
    times.ours.push(await next('ours', () => bus.append([{ type: 'GO' }])));
    times.reference.push(
      await next('bare', () => spawn('/bin/sh', [stamp, join(folder, 'bare')], { stdio: 'ignore' })),
    );
  }
  await bus.close();
  await service.stop();
  report({
    name: 'event appended to first instruction of its agent, p50',
    kind: 'time',
    ours: quantile(times.ours, 0.5),
    reference: quantile(times.reference, 0.5),
    against: 'bare spawn',
    bar: 1,
    plus: 6,
  });
};

const bench: Bench = async (report) => {
  await append(report);
  await signedDelivery(report);
  await start(report);
};
export default bench;
