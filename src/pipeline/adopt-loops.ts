import {
  catchError,
  defer,
  EMPTY,
  exhaustMap,
  filter,
  from,
  ignoreElements,
  merge,
  mergeMap,
  timer,
  type Observable,
} from 'rxjs';
import { toConductorError } from '../core/errors.js';
import { LOOP_CHECK, LOOP_TURN, type Loop } from '../core/loop.js';
import type { Ledger, Log, LoopClaims } from '../core/ports.js';
import { untilStopped } from '../operators/until-stopped.js';
import { dependenciesDone, scopeOfName } from './dependencies.js';
import { loopEnded, loopResumed } from './loop-facts.js';
import { failedEnd } from './run-attempts.js';
import { carryLoop, type LoopPorts } from './until-done.js';

export type AdoptLoopsPorts = Omit<LoopPorts, 'isPaused'> & { ledger: Ledger; claims: LoopClaims; log: Log };

const EVERY_MS = 5_000;
/** After these there may be one to be carried. */
const WAKERS: ReadonlySet<string> = new Set(['RUN_STOP', 'RUN_LOOP_STARTED', 'CONDUCTOR_UNPAUSED']);

/**
 * Loops that were begun and that nobody carries, as those of a `run-agent` or a conductor that was killed: looked for
 * every 5 s, and gone on with after their last run has ended.
 */
export const adoptLoops = (
  ports: AdoptLoopsPorts,
  drain$: Observable<unknown>,
  kill$: Observable<unknown>,
): Observable<never> =>
  defer(() => {
    const { view } = ports.ledger;
    const mine = new Set<string>();

    const atWork = ({ project_id, task_id }: Loop['request']): boolean =>
      [...view.runs.values()].some(
        (run) =>
          run.project_id === project_id &&
          run.task_id === task_id &&
          (run.step === LOOP_TURN || run.step === LOOP_CHECK),
      );

    /** False when one of those that it depends on failed: then it never begins. @throws ConductorError `stopped` */
    const mayBegin = async (key: string, { request }: Loop, stop$: Observable<unknown>): Promise<boolean> => {
      const wanted = view.waiting.get(key)?.depends_on ?? [];
      if (wanted.length === 0) return true;
      try {
        await dependenciesDone(ports, request, wanted.map(scopeOfName), stop$);
        return true;
      } catch (error) {
        const { code, message, exit } = toConductorError(error);
        if (code !== 'dependency_failed') throw error;
        await ports.ledger.record([loopEnded(request, failedEnd('', exit, message), 0)]);
        return false;
      }
    };

    const carry = async (key: string, loop: Loop): Promise<void> => {
      const giveUp = ports.claims.take(loop.request);
      if (!giveUp) return;
      mine.add(key);
      try {
        // Then all is folded in that was said by whoever had it.
        await ports.ledger.record([loopResumed(loop)]);
        const now = view.loops.get(key);
        if (!now || now.ended || atWork(now.request)) return;
        const gone$ = ports.ledger.folded$.pipe(
          filter(() => view.loops.get(key)?.ended !== undefined || !view.loops.has(key)),
        );
        if (!(await mayBegin(key, now, merge(gone$, drain$, kill$)))) return;
        const isPaused = async (): Promise<boolean> => view.paused;
        await carryLoop({ ...ports, isPaused }, now, { stop$: gone$, leave$: drain$, kill$ });
      } finally {
        mine.delete(key);
        giveUp();
      }
    };

    const said$ = ports.ledger.folded$.pipe(filter(({ type }) => WAKERS.has(type)));
    return merge(timer(0, EVERY_MS, ports.clock.scheduler), said$).pipe(
      untilStopped(drain$),
      exhaustMap(() => from([...view.loops])),
      filter(([key, loop]) => !loop.ended && !mine.has(key) && !view.paused && !atWork(loop.request)),
      mergeMap(([key, loop]) =>
        from(carry(key, loop)).pipe(
          catchError((error: unknown) => {
            if (toConductorError(error).code === 'stopped') return EMPTY;
            ports.log.error(`the loop of ${key} could not go on: ${toConductorError(error).message}`);
            return EMPTY;
          }),
        ),
      ),
      ignoreElements(),
    );
  });
