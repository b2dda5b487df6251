/** Every acknowledgement of many writers, against the bus that is left: after kills, stops, a full disk and a disk that fails. */
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFileBus } from '../../src/bus/file-bus.js';
import { recover } from '../../src/bus/redo.js';
import { clock } from '../../src/cli/system.js';
import { killedAt } from '../bus/killed-at.js';
import { randomOf } from '../support/random.js';
import { until } from '../support/service.js';
import { KEY, openFleet, sleep } from './bus-fleet.js';
import type { Chaos } from './run.js';

const KILLS = Number(process.env['CHAOS_KILLS'] ?? 1_000);
const POWER_CUTS = 20;
const WRITERS = 4;
/** Longer than anybody waits for the lock. */
const STOPPED_MS = 12_000;
const LARGE = { bytes: 1_000_000, age_ms: 1_000_000 };

interface Stage {
  random: () => number;
  log: (line: string) => void;
  root: string;
}

const insist = (isTrue: boolean, what: string): void => {
  if (!isTrue) throw new Error(what);
};

const fleetOf = (count: number) => Array.from({ length: count });

const kills = async ({ random, log, root }: Stage): Promise<void> => {
  const fleet = openFleet(root, random, log);
  let killed = 0;
  const lane = async (): Promise<void> => {
    while (killed < KILLS) {
      const child = await fleet.writer({ rotation: { bytes: 1_000_000, age_ms: random() < 0.1 ? 10 : 1_000_000 } });
      await sleep(random() * 30);
      await fleet.kill(child);
      killed += 1;
    }
  };
  await Promise.all(fleetOf(WRITERS).map(lane));
  log(`${killed} kills -9 of ${WRITERS} writers`);
  const { acknowledged } = await fleet.reckon();
  insist(acknowledged >= KILLS, 'too little was acknowledged to prove anything');
};

const rotation = async ({ random, log, root }: Stage): Promise<void> => {
  const fleet = openFleet(root, random, log);
  const children = await Promise.all(
    fleetOf(WRITERS).map(() => fleet.writer({ rotation: { bytes: 1_000_000_000, age_ms: 10 } })),
  );
  await sleep(5_000);
  await Promise.all(children.map(fleet.kill));
  log(`${WRITERS} writers that close the file every 10 ms`);
  const { segments } = await fleet.reckon();
  insist(segments > 50, 'too few segments were closed to prove anything');
};

const stoppedHolder = async ({ random, log, root }: Stage): Promise<void> => {
  const fleet = openFleet(root, random, log);
  const others = await Promise.all(fleetOf(WRITERS - 1).map(() => fleet.writer({ rotation: LARGE })));
  const holder = await fleet.writer({ rotation: LARGE, stopAt: 200 });
  const isStopped = (): boolean => / T /.test(readFileSync(`/proc/${holder.pid}/stat`, 'utf8'));
  while (!isStopped()) await sleep(20);
  const before = fleet.acknowledgedSoFar();
  await sleep(STOPPED_MS);
  const meanwhile = fleet.acknowledgedSoFar() - before;
  holder.kill('SIGCONT');
  await sleep(1_000);
  const after = fleet.acknowledgedSoFar() - before - meanwhile;
  await Promise.all([...others, holder].map(fleet.kill));
  log(
    `the holder of the lock stopped for ${STOPPED_MS / 1_000} s: ${meanwhile} acknowledged meanwhile, ${after} after it woke`,
  );
  const { refused } = await fleet.reckon();
  insist(meanwhile <= WRITERS * 8 && refused > 0 && after > 0, 'nobody waited in vain, or nobody went on');
};

/** A disk of so many bytes. */
const onSmallDisk = async (bytes: number, work: (folder: string) => Promise<void>): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'bus-chaos-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder]);
  try {
    await work(folder);
  } finally {
    execFileSync('umount', [folder]);
    rmSync(folder, { recursive: true });
  }
};

const fullDisk = ({ random, log }: Stage): Promise<void> =>
  onSmallDisk(24 * 1024 * 1024, async (folder) => {
    const root = join(folder, 'runs');
    mkdirSync(root);
    const fleet = openFleet(root, random, log);
    const ballast = join(folder, 'ballast');
    const sizes = [16, 12, 8, 4, 0];
    writeFileSync(ballast, Buffer.alloc(20 * 1024 * 1024));
    const children = await Promise.all(fleetOf(WRITERS).map(() => fleet.writer({ rotation: LARGE })));
    for (const size of sizes) {
      const refused = fleet.refusedSoFar();
      await until('the disk is full', () => fleet.refusedSoFar() > refused);
      const acknowledged = fleet.acknowledgedSoFar();
      truncateSync(ballast, size * 1024 * 1024);
      await until('it goes on where there is room', () => fleet.acknowledgedSoFar() > acknowledged);
    }
    await Promise.all(children.map(fleet.kill));
    log(`a disk of 24 MiB was full ${sizes.length} times, and each time it went on when there was room`);
    await fleet.reckon();
  });

const failingSync = async ({ random, log, root }: Stage): Promise<void> => {
  const fleet = openFleet(root, random, log);
  const inject = (call: string, error: string, when: string): string[] => [
    '-e',
    `inject=${call}:error=${error}:when=${when}`,
  ];
  const under = [
    ...['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'trace=fdatasync,fsync'],
    ...[...inject('fdatasync', 'EIO', '5+9'), ...inject('fsync', 'ENOSPC', '4+5')],
  ];
  const children = await Promise.all([
    ...fleetOf(2).map(() => fleet.writer({ rotation: LARGE, under })),
    ...fleetOf(2).map(() => fleet.writer({ rotation: LARGE })),
  ]);
  await sleep(8_000);
  await Promise.all(children.map(fleet.kill));
  log('2 of 4 writers whose every ninth fdatasync, and some of whose fsyncs, failed');
  for (const [call, error, when] of LOG_FAULTS) {
    const alone = await fleet.writer({
      rotation: LARGE,
      under: ['strace', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, ...inject(call, error, when)],
    });
    await sleep(1_500);
    await fleet.kill(alone);
  }
  log(`then one writer alone, ${LOG_FAULTS.length} times, whose log failed`);
  const { refused } = await fleet.reckon();
  insist(refused > 0, 'no fdatasync failed');
};

/** Of a writer that is alone: its log takes nothing, later or at once; is not made durable; the bus is not, behind it. */
const LOG_FAULTS = [
  ['pwritev', 'EIO', '1+'],
  ['pwritev', 'ENOSPC', '40+'],
  ['fdatasync', 'EIO', '80'],
  ['fdatasync', 'EIO', '120+50'],
  ['pwrite64', 'EIO', '1+'],
] as const;

const UNSYNCED = '[2026-01-01 00:00:00] NOTE: nobody waited for the disk\n';

/**
 * A disk as it would be found had the power failed while the writers ran: a copy of what was given to the device so far,
 * while the kernel still holds what nobody asked it to write. EXT4_IOC_SHUTDOWN is no help: under it even a bare loop is
 * told that its fdatasync succeeded, and finds the bytes gone.
 */
const power = async ({ random, log }: Stage): Promise<void> => {
  const base = mkdtempSync(join(tmpdir(), 'bus-chaos-power-'));
  const folder = join(base, 'mounted');
  const diskOf = (cut: number): string => join(base, `disk-${cut}`);
  /** The machine starts anew after each. */
  const bootOf = (cut: number): string => (0xb007 + cut).toString(16);
  const mount = (cut: number): void => void execFileSync('mount', ['-o', 'loop', diskOf(cut), folder]);
  const unmount = (): void => void execFileSync('umount', [folder]);
  mkdirSync(folder);
  writeFileSync(diskOf(0), '');
  truncateSync(diskOf(0), 128 * 1024 * 1024);
  execFileSync('mkfs.ext4', ['-q', diskOf(0)]);
  mount(0);
  const root = join(folder, 'runs');
  const file = join(root, 'MESSAGE-BUS.md');
  let unwritten = 0;
  let redone = 0;
  try {
    mkdirSync(root);
    const fleet = openFleet(root, random, log, { follows: false });
    for (let cut = 1; cut <= POWER_CUTS; cut += 1) {
      // One that is alone has what it says in its log first.
      const writers = cut % 2 === 0 ? WRITERS : 1;
      const rotation = { bytes: cut % 4 === 1 ? 10_000_000 : 400_000, age_ms: 1_000_000 };
      const children = await Promise.all(fleetOf(writers).map(() => fleet.writer({ rotation, boot: bootOf(cut) })));
      await sleep(random() * 500);
      for (const child of children) child.kill('SIGSTOP');
      // The kernel ends what it was at.
      await sleep(50);
      appendFileSync(file, UNSYNCED);
      execFileSync('cp', ['--sparse=always', diskOf(cut - 1), diskOf(cut)]);
      await Promise.all(children.map(fleet.kill));
      unmount();
      rmSync(diskOf(cut - 1));
      mount(cut);
      if (!readFileSync(file, 'utf8').includes(UNSYNCED)) unwritten += 1;
      redone += await recover(root, false, bootOf(cut + 1));
    }
    log(
      `the power cut ${POWER_CUTS} times under ${WRITERS} writers or one; ${unwritten} times the last bytes were gone; ` +
        `${redone} batches came back from a log`,
    );
    const { acknowledged } = await fleet.reckon();
    insist(
      unwritten > 0 && redone > 0 && acknowledged > POWER_CUTS,
      'nothing was lost by the cut, or nothing acknowledged before it',
    );
  } finally {
    unmount();
    rmSync(base, { recursive: true });
  }
};

const everyByte = async ({ log, root }: Stage): Promise<void> => {
  const file = join(root, 'MESSAGE-BUS.md');
  const say = async (body: string): Promise<void> => {
    const bus = await openFileBus({ root, key: KEY, clock, durability: 'os' });
    await bus.append([{ type: 'A', body }]);
    await bus.close();
  };
  await say('first');
  const before = readFileSync(file);
  await killedAt(root, Infinity);
  const whole = statSync(file).size;
  let bad = 0;
  for (let cut = before.length + 1; cut < whole; cut += 1) {
    writeFileSync(file, before);
    const signal = await killedAt(root, cut);
    const { size } = statSync(file);
    // A shorter process id makes a record that much shorter: then it was written whole.
    const isWhole = signal === null && cut >= whole - 6 && size <= cut;
    if (!isWhole && (signal !== 'SIGKILL' || size !== cut)) bad += 1;
    await say('next');
    const bus = await openFileBus({ root, key: KEY, clock, durability: 'os' });
    const found: string[] = [];
    for await (const { body } of bus.read()) found.push(body);
    await bus.close();
    const isGood = found[0] === 'first' && found.at(-1) === 'next' && found.length <= (cut >= whole - 8 ? 3 : 2);
    if (!isGood) bad += 1;
  }
  log(`killed at each of ${whole - before.length - 1} bytes of an append: ${bad} bad`);
  insist(bad === 0, `the promise is broken; see ${root}`);
};

const works = (command: string, ...args: string[]): boolean => {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

/** What a stage needs of the machine; undefined: it is there. */
const missing: Partial<Record<string, () => string | undefined>> = {
  fullDisk: () => (process.getuid?.() === 0 && works('mount', '--version') ? undefined : 'only root may mount a disk'),
  failingSync: () => (works('strace', '-qq', '-o', '/dev/null', 'true') ? undefined : 'strace does not work here'),
  power: () =>
    process.getuid?.() === 0 && works('losetup', '-f') && works('mkfs.ext4', '-V')
      ? undefined
      : 'it takes root, loop devices and mkfs.ext4',
  everyByte: () => (works('prlimit', '--fsize=1000', 'true') ? undefined : 'prlimit does not work here'),
};

const STAGES = { kills, rotation, stoppedHolder, fullDisk, failingSync, power, everyByte };

/** CHAOS_STAGES: names of those that are wanted, by comma. */
const chaos: Chaos = async ({ seed, log }) => {
  const wanted = process.env['CHAOS_STAGES']?.split(',');
  for (const [name, stage] of Object.entries(STAGES)) {
    if (wanted && !wanted.includes(name)) continue;
    const without = missing[name]?.();
    if (without !== undefined) {
      log(`${name}: LEFT OUT, since ${without}`);
      continue;
    }
    const root = mkdtempSync(join(tmpdir(), 'bus-chaos-'));
    await stage({ random: randomOf(seed), log: (line) => log(`${name}: ${line}`), root });
    rmSync(root, { recursive: true, force: true });
  }
};
export default chaos;
