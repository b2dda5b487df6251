import {
  EMPTY,
  catchError,
  defer,
  exhaustMap,
  filter,
  from,
  ignoreElements,
  lastValueFrom,
  mergeMap,
  timer,
  type Observable,
} from 'rxjs';
import type { RunStarted } from '../core/ledger-view.js';
import { toConductorError } from '../core/errors.js';
import type { Clock, Ledger, Log, Runner, Runs } from '../core/ports.js';
import type { RunEnd } from '../core/run.js';
import { untilStopped } from '../operators/until-stopped.js';
import { stopFact } from './run-attempts.js';

export interface OrphanPorts {
  ledger: Ledger;
  runner: Runner;
  runs: Runs;
  clock: Clock;
  log: Log;
}

const EVERY_MS = 5_000;

/** Follows a run that nobody reports to its end, and says it. */
const adopt = async (ports: OrphanPorts, run: RunStarted, stop$: Observable<unknown>): Promise<void> => {
  const info = await ports.runs.find(run).catch(() => undefined);
  const stopping = stop$.subscribe({
    next: () => void ports.runner.stop(run, 'stopped'),
    error: () => void ports.runner.stop(run, 'stopped'),
  });
  const end = await lastValueFrom(
    ports.runner.adopt(info ?? run).pipe(filter((event): event is RunEnd => event.kind === 'end')),
  );
  stopping.unsubscribe();
  const trust = ports.ledger.view.lineage.get(run.run_id)?.trust ?? 'full';
  // Its starter may have said so meanwhile.
  if (ports.ledger.view.runs.has(run.run_id)) await ports.ledger.record([stopFact({ ...run, trust }, end)]);
};

/**
 * Runs that the bus says were started, and that no living process reports, as those of a `run-agent` that was killed:
 * looked for every 5 s. Those of an open activation are the pipeline's.
 */
export const adoptOrphans = (
  ports: OrphanPorts,
  drain$: Observable<unknown>,
  stop$: Observable<unknown>,
): Observable<never> =>
  defer(() => {
    const begun = new Set<string>();
    let unclaimed = new Set<string>();

    const orphans = (): RunStarted[] => {
      const { runs, activations } = ports.ledger.view;
      const before = unclaimed;
      unclaimed = new Set();
      return [...runs.values()].filter((run) => {
        if (begun.has(run.run_id)) return false;
        if (run.activation !== undefined && activations.get(run.activation)?.status === 'open') return false;
        const ownership = ports.runner.ownership(run);
        if (ownership !== 'unclaimed') return ownership === 'orphaned';
        // It may be about to begin: only who is still nowhere to be seen the next time is gone.
        unclaimed.add(run.run_id);
        return before.has(run.run_id);
      });
    };

    return timer(0, EVERY_MS, ports.clock.scheduler).pipe(
      untilStopped(drain$),
      exhaustMap(() => from(orphans())),
      mergeMap((run) => {
        begun.add(run.run_id);
        return from(adopt(ports, run, stop$)).pipe(
          catchError((error: unknown) => {
            const { code, message } = toConductorError(error);
            ports.log.error(`run ${run.run_id} could not be adopted: ${message}`);
            // Its end is still to be said.
            if (code === 'storage') begun.delete(run.run_id);
            return EMPTY;
          }),
        );
      }),
      ignoreElements(),
    );
  });
