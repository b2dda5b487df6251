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
import { ignoreElements, merge, Subject, takeUntil, tap, type Observable } from 'rxjs';
import type {
  Bus,
  Clock,
  Handlers,
  Ledger,
  Log,
  LoopClaims,
  Random,
  Rules,
  Runs,
  Source,
  Workspaces,
} from './core/ports.js';
import { keepOpen } from './operators/keep-open.js';
import { adoptLoops } from './pipeline/adopt-loops.js';
import { adoptOrphans } from './pipeline/adopt-orphans.js';
import { pipeline } from './pipeline/pipeline.js';
import type { PipelinePorts } from './pipeline/context.js';
import { router } from './router/router.js';
import { listen } from './sources/listen.js';

export interface ConductorPorts extends PipelinePorts {
  bus: Bus;
  ledger: Ledger;
  rules: Rules;
  handlers: Handlers;
  runs: Runs;
  workspaces: Workspaces;
  claims: LoopClaims;
  /** The same object is the same source: it stays open from one set to the next. */
  sources$: Observable<readonly Source[]>;
  broadcast$: Observable<never>;
  clock: Clock;
  random: Random;
  log: Log;
}

/** Runs until `drain$`: sources close, what is running is awaited. `kill$` stops that too. Errors only when the bus cannot be read. */
export const conductor = (
  ports: ConductorPorts,
  drain$: Observable<unknown>,
  kill$: Observable<unknown>,
): Observable<never> => {
  const sources$ = ports.sources$.pipe(
    keepOpen((source) => listen(ports, source)),
    takeUntil(drain$),
  );
  const router$ = router(ports).pipe(ignoreElements(), takeUntil(drain$));
  const pipeline$ = pipeline(ports, drain$, kill$).pipe(ignoreElements());
  const orphans$ = merge(adoptOrphans(ports, drain$, kill$), adoptLoops(ports, drain$, kill$));
  // Whoever watches hears the end, too.
  const ended$ = new Subject<void>();
  const work$ = merge(sources$, router$, pipeline$, orphans$).pipe(tap({ complete: () => ended$.next() }));
  return merge(ports.broadcast$.pipe(takeUntil(ended$)), work$);
};
