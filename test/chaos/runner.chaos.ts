/** Stops of agents that do all they can to stay: nothing of them may be left, at the level that is in force. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { cgroupBase } from '../../src/runner/cgroup.js';
import { lives, openWorld, pidsIn } from '../runner/world.js';
import { until } from '../support/service.js';
import type { Chaos } from './run.js';

const STOPS = 500;
const AT_ONCE = 8;

/** Shell texts that note the pids of what they leave in "$1". `hides` from every mark. */
const TRICKS: readonly { name: string; hides: boolean; text: string }[] = [
  {
    name: 'ignores SIGTERM',
    hides: false,
    text: `sh -c 'trap "" TERM HUP INT; echo $$ >>"$1"; while :; do sleep 1; done' x "$1" &`,
  },
  { name: 'setsid', hides: false, text: `setsid sh -c 'echo $$ >>"$1"; exec sleep 1000' x "$1" &` },
  {
    name: 'double fork',
    hides: false,
    text: `(setsid sh -c '(echo $$; exec sh -c "echo \\$\\$; exec sleep 1000") >>"$1" &' x "$1" &)`,
  },
  { name: 'empty environment', hides: false, text: `env -i sh -c 'echo $$ >>"$1"; exec sleep 1000' x "$1" &` },
  {
    name: 'hidden daemon',
    hides: true,
    text: `(env -i setsid sh -c '(sh -c "echo \\$\\$ >>\\"$1\\"; exec sleep 1000" y "$1" &)' x "$1" >/dev/null 2>&1 </dev/null &)`,
  },
  {
    name: 'fork storm',
    hides: false,
    text: `i=0; while [ $i -lt 12 ]; do setsid sh -c 'echo $$ >>"$1"; while :; do sleep 0.02; done' x "$1" & i=$((i+1)); done`,
  },
];

const draw = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};

const chaos: Chaos = async ({ seed, log }) => {
  const random = draw(seed);
  const levels = [
    { name: 'marks', options: { groupFor: () => Promise.resolve(undefined) } },
    ...(cgroupBase() === undefined ? [] : [{ name: 'cgroup', options: {} }]),
  ];
  for (const level of levels) {
    const world = await openWorld(level.options);
    const times: number[] = [];
    let processes = 0;
    let survivors = 0;
    let known = 0;
    const stopOne = async (number: number): Promise<void> => {
      const tricks = TRICKS.filter(() => random() < 0.4);
      const path = join(world.work, `pids-${number}`);
      const spec = world.specOf(
        'shell',
        `set -- '${path}'\n${tricks.map(({ text }) => text).join('\n')}\necho $$ >>"$1"\nsleep 1000\n`,
      );
      const ended = lastValueFrom(world.runner.attempt(spec));
      await until('it is there', () => pidsIn(path).includes(0) || pidsIn(path).length > tricks.length || undefined);
      const began = performance.now();
      await world.runner.stop(spec, 'enough');
      times.push(performance.now() - began);
      await ended;
      const pids = [...new Set(pidsIn(path))];
      processes += pids.length;
      for (const pid of pids.filter(lives)) {
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
        const isHidden =
          level.name === 'marks' && tricks.some(({ hides }) => hides) && !environment.includes('RUN_ID=');
        if (isHidden) known += 1;
        else survivors += 1;
        process.kill(pid, 'SIGKILL');
      }
    };
    let next = 0;
    const count = STOPS / levels.length;
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (next < count) await stopOne(next++);
      }),
    );
    const sorted = times.sort((a, b) => a - b);
    const at = (p: number): string => `${sorted[Math.floor(p * sorted.length)]?.toFixed(0)} ms`;
    log(
      `${level.name}: ${times.length} stops of ${processes} processes, ${survivors} survivors, ${known} of the documented gap; p50 ${at(0.5)}, p99 ${at(0.99)}, with a grace of 3 s for those that ignore SIGTERM`,
    );
    const raw = readdirSync(join(world.root.path, '.conductor', 'raw'));
    if (survivors > 0) throw new Error(`${survivors} processes outlived their stop`);
    if (raw.length > 0) throw new Error(`raw output was left: ${raw.join()}`);
  }
};
export default chaos;
