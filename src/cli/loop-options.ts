import { ConductorError } from '../core/errors.js';
import type { LoopOptions } from '../core/loop.js';
import type { LoopClaims } from '../core/ports.js';
import { countOf, usage } from './run-agent/options.js';

/** As `parseArgs` takes them. */
export const LOOP_OPTIONS = {
  until: { type: 'string' },
  verify: { type: 'string' },
  'max-restarts': { type: 'string' },
  'max-idle': { type: 'string' },
  'max-usd': { type: 'string' },
  session: { type: 'string' },
} as const;

/** Undefined: one run. */
export const loopOf = (
  values: Partial<Record<keyof typeof LOOP_OPTIONS, string | undefined>>,
): LoopOptions | undefined => {
  const { until, verify, session = 'fresh' } = values;
  if (until === undefined) {
    const alone = (Object.keys(LOOP_OPTIONS) as (keyof typeof LOOP_OPTIONS)[]).find(
      (name) => values[name] !== undefined,
    );
    if (alone !== undefined) throw usage(`--${alone} goes with --until done`);
    return undefined;
  }
  if (until !== 'done') throw usage(`--until "${until}": there is only --until done`);
  if (session !== 'fresh' && session !== 'resume') throw usage(`--session "${session}": fresh or resume`);
  const max_usd = values['max-usd'] === undefined ? undefined : Number(values['max-usd']);
  if (max_usd !== undefined && !(max_usd > 0)) throw usage(`--max-usd "${values['max-usd']}" is no sum`);
  return {
    verify,
    max_restarts: countOf('max-restarts', values['max-restarts']) ?? 100,
    max_idle: countOf('max-idle', values['max-idle']) ?? 5,
    max_usd,
    session,
  };
};

/** The task's loop is ours from now on. Returns the way to give it up. @throws ConductorError `conflict` */
export const claimLoop = (
  { claims }: { claims: LoopClaims },
  task: { project_id: string; task_id: string },
): (() => void) => {
  const giveUp = claims.take(task);
  if (giveUp) return giveUp;
  throw new ConductorError('conflict', `a loop of ${task.project_id}/${task.task_id} is at work: stop it first`);
};
