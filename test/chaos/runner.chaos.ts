/** Stops of agents that do all they can to stay: nothing of them may be left, at the level that is in force. */
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { sweepWorker } from '../../src/cli/package-folder.js';
import { cgroupBase } from '../../src/runner/cgroup.js';
import { signal } from '../../src/runner/processes.js';
import { GRACE_MS } from '../../src/runner/trees.js';
import { openWorld, pidsIn, type WorldOptions } from '../runner/world.js';
import { until } from '../support/service.js';
import type { Chaos } from './run.js';

const STOPS = 1_000;
const AT_ONCE = 8;

interface Trick {
  name: string;
  /** From every mark. */
  hides?: boolean;
  /** How many processes note themselves. */
  processes?: number;
  /** Of a shell: notes the pids of what it leaves in "$1". Everything carries "$1" or "$2" in its words. */
  text: string;
}

const TRICKS: readonly Trick[] = [
  {
    name: 'ignores SIGTERM',
    text: `sh -c 'trap "" TERM HUP INT; echo $$ >>"$1"; while :; do sleep 1; done' x "$1" &`,
  },
  { name: 'setsid', text: `setsid sh -c 'echo $$ >>"$1"; exec sleep "$2"' x "$1" "$2" &` },
  {
    name: 'double fork',
    processes: 2,
    text: `(setsid sh -c '(echo $$; exec sh -c "echo \\$\\$; exec sleep $2") >>"$1" &' x "$1" "$2" &)`,
  },
  { name: 'empty environment', text: `env -i sh -c 'echo $$ >>"$1"; exec sleep "$2"' x "$1" "$2" &` },
  {
    name: 'hidden daemon',
    hides: true,
    text: `(env -i setsid sh -c '(sh -c "echo \\$\\$ >>\\"$1\\"; exec sleep $2" y "$1" &)' x "$1" "$2" >/dev/null 2>&1 </dev/null &)`,
  },
  {
    // Bounded: twelve, each of which starts one process after the other.
    name: 'fork storm',
    processes: 12,
    text: `i=0; while [ $i -lt 12 ]; do setsid sh -c 'echo $$ >>"$1"; while :; do sleep 0.02; done' x "$1" & i=$((i+1)); done`,
  },
];
const DEAF_SHARE = 0.04;

const draw = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};

/** Living processes whose words hold one of these, by what is unique to one stop: so only ours are ever killed. */
const living = (words: readonly string[]): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const said = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return said.some((word) => words.includes(word));
      } catch {
        return false;
      }
    })
    .map(Number);

const isHidden = (pid: number): boolean => {
  try {
    return !readFileSync(`/proc/${pid}/environ`, 'utf8').includes('RUN_ID=');
  } catch {
    return true;
  }
};

const canUnshare = (): boolean => {
  try {
    execFileSync('unshare', ['--pid', '--fork', '--kill-child=SIGKILL', '--mount-proc', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

const marksAlone: WorldOptions = { groupFor: () => Promise.resolve(undefined), sweepWorker };

const chaos: Chaos = async ({ seed, log }) => {
  const random = draw(seed);
  const levels: { name: string; agent: string; gap: boolean; options: WorldOptions }[] = [
    { name: 'marks', agent: 'shell', gap: true, options: marksAlone },
    ...(cgroupBase() === undefined
      ? []
      : [{ name: 'cgroup', agent: 'shell', gap: false, options: { ahead: true } satisfies WorldOptions }]),
    ...(canUnshare()
      ? [
          {
            name: 'namespace',
            agent: 'boxed',
            gap: false,
            options: {
              ...marksAlone,
              config: { boxed: { backend: 'shell', sandbox: 'pidns' } },
            } satisfies WorldOptions,
          },
        ]
      : []),
  ];
  for (const { name, agent, gap, options } of levels) {
    const world = await openWorld(options);
    const times: number[] = [];
    let processes = 0;
    let survivors = 0;
    let known = 0;
    const stopOne = async (number: number): Promise<void> => {
      const tricks = TRICKS.filter(() => random() < 0.4);
      const isDeaf = random() < DEAF_SHARE;
      const path = join(world.work, `pids-${number}`);
      const seconds = `${100_000 + number}.${process.pid}`;
      const expected = tricks.reduce((sum, trick) => sum + (trick.processes ?? 1), 1);
      const script = [
        `set -- '${path}' '${seconds}'`,
        isDeaf ? `trap '' TERM` : '',
        ...tricks.map(({ text }) => text),
        `echo $$ >>"$1"\nsleep "$2"\n`,
      ];
      const spec = world.specOf(agent, script.join('\n'));
      const ended = lastValueFrom(world.runner.attempt(spec));
      await until('all of it is there', () => pidsIn(path).length >= expected || undefined);
      processes += expected;
      const began = performance.now();
      await world.runner.stop(spec, 'enough');
      times.push(performance.now() - began - (isDeaf ? GRACE_MS : 0));
      await ended;
      for (const pid of living([path, seconds])) {
        if (gap && tricks.some(({ hides }) => hides) && isHidden(pid)) known += 1;
        else survivors += 1;
        signal(pid, 'SIGKILL');
      }
    };
    let next = 0;
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (next < STOPS) await stopOne(next++);
      }),
    );
    await world.runner.close();
    const sorted = times.sort((a, b) => a - b);
    const at = (p: number): string => `${sorted[Math.floor(p * sorted.length)]?.toFixed(0)} ms`;
    const gone = `p50 ${at(0.5)}, p99 ${at(0.99)} to nothing, the grace of those whose agent ignores SIGTERM taken off`;
    log(
      `${name}: ${times.length} stops of ${processes} processes, ${survivors} survivors, ${known} of the documented gap; ${gone}`,
    );
    const raw = readdirSync(join(world.root.path, '.conductor', 'raw'));
    if (survivors > 0) throw new Error(`${survivors} processes outlived their stop`);
    if (raw.length > 0) throw new Error(`raw output was left: ${raw.join()}`);
  }
};
export default chaos;
