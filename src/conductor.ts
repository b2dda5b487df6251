/**
 * The way an event takes, on one page:
 *
 *   sources ──► bus ──► router ──► pipeline ──► runner ──► storage
 *                │ ▲                               │
 *                │ └──── what happened was said ───┘
 *                └──► broadcast
 *
 * To speak is to append, to listen is to read on: nothing reaches the router but what came back from the bus.
 */
import {
  EMPTY,
  catchError,
  defer,
  from,
  ignoreElements,
  merge,
  mergeMap,
  retry,
  Subject,
  takeUntil,
  tap,
  timer,
  type Observable,
} from 'rxjs';
import { backoffDelay } from './core/backoff.js';
import { isReserved } from './core/event-type.js';
import { toConductorError } from './core/errors.js';
import type { Arrival, Bus, Clock, Handlers, Ledger, Log, Random, Rules, Runs, Source } from './core/ports.js';
import { adoptOrphans } from './pipeline/adopt-orphans.js';
import { pipeline } from './pipeline/pipeline.js';
import type { PipelinePorts } from './pipeline/context.js';
import { router } from './router/router.js';

export interface ConductorPorts extends PipelinePorts {
  bus: Bus;
  ledger: Ledger;
  rules: Rules;
  handlers: Handlers;
  runs: Runs;
  sources: readonly Source[];
  broadcast$: Observable<never>;
  clock: Clock;
  random: Random;
  log: Log;
}

/** Runs until `drain$`: sources close, what is running is awaited. `kill$` stops that too. Errors only when the bus fails. */
export const conductor = (
  ports: ConductorPorts,
  drain$: Observable<unknown>,
  kill$: Observable<unknown>,
): Observable<never> => {
  const sources$ = merge(...ports.sources.map((source) => listen(ports, source))).pipe(takeUntil(drain$));
  const router$ = router(ports).pipe(ignoreElements(), takeUntil(drain$));
  const pipeline$ = pipeline(ports, drain$, kill$).pipe(ignoreElements());
  const orphans$ = adoptOrphans(ports, drain$, kill$);
  // Whoever watches hears the end, too.
  const ended$ = new Subject<void>();
  const work$ = merge(sources$, router$, pipeline$, orphans$).pipe(tap({ complete: () => ended$.next() }));
  return merge(ports.broadcast$.pipe(takeUntil(ended$)), work$);
};

/** Appends what a source brings and tells it the outcome. A source that dies is said and opened again. */
const listen = (ports: ConductorPorts, source: Source): Observable<never> =>
  defer(() => source.open()).pipe(
    mergeMap((arrival) => from(append(ports, arrival))),
    ignoreElements(),
    retry({
      delay: (error, failures) => {
        const delay = backoffDelay(failures, { base_ms: 1_000, cap_ms: 60_000 }, ports.random());
        ports.log.error(
          `source ${source.name} died and opens again in ${delay} ms: ${toConductorError(error).message}`,
        );
        return timer(delay, ports.clock.scheduler);
      },
      resetOnSuccess: true,
    }),
    catchError(() => EMPTY),
  );

const append = async (ports: ConductorPorts, arrival: Arrival): Promise<void> => {
  try {
    const ours = arrival.drafts.every((draft) => isReserved(draft.type));
    const receipts = ours ? await ports.bus.record(arrival.drafts) : await ports.bus.append(arrival.drafts);
    arrival.settle?.({ receipts });
  } catch (error) {
    if (!arrival.settle) ports.log.error(`an event could not be appended: ${toConductorError(error).message}`);
    arrival.settle?.({ error });
  }
};
