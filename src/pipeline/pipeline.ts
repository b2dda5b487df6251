import { defer, finalize, from, merge, mergeMap, takeUntil, type Observable } from 'rxjs';
import type { Event } from '../core/event.js';
import type { Activation } from '../core/ledger-view.js';
import type { Handlers } from '../core/ports.js';
import { cancelReason, carry, type Outcome } from './carry.js';
import type { PipelinePorts } from './context.js';
import { resumeFact } from './facts.js';
import { StepCache } from './step-cache.js';
import { Stop } from './stop.js';
import { Wakes } from './wakes.js';

/** What may let an activation begin. */
const OPENERS: ReadonlySet<string> = new Set([
  'ROUTED',
  'TASK_REQUESTED',
  'HANDLER_REQUESTED',
  'HANDLER_FINISHED',
  'HANDLER_RESUMED',
  'CONDUCTOR_UNPAUSED',
]);
const CANCELLERS: ReadonlySet<string> = new Set(['HANDLER_CANCEL', 'CONDUCTOR_STOP_ALL']);

/**
 * Carries every open activation of the ledger to its end: those found at the start, resumed after their last finished
 * step, and those that become ready. After `drain$` nothing new begins: what runs is awaited, what waits is let go, and
 * both go on after a restart. `stop$` ends the runs, too.
 */
export const pipeline = (
  ports: PipelinePorts & { handlers: Handlers },
  drain$: Observable<unknown>,
  stop$: Observable<unknown>,
  isMine: (activation: Activation) => boolean = () => true,
): Observable<Outcome> =>
  defer(() => {
    const { view } = ports.ledger;
    const wakes = new Wakes(ports.clock);
    const cache = new StepCache(ports.cacheFolder, () => ports.clock.now());
    const drain = new Stop();
    const kill = new Stop();
    const carried = new Map<string, Stop>();

    const mayBegin = (activation: Activation): boolean =>
      activation.status === 'open' &&
      isMine(activation) &&
      !carried.has(activation.activation) &&
      (activation.cancel !== undefined ||
        (activation.parked === undefined &&
          (activation.hash !== undefined ||
            (!ports.ledger.view.paused && ports.ledger.view.ready.has(activation.activation)))));

    const ready = (): Activation[] =>
      [...ports.ledger.view.ready]
        .map((id) => ports.ledger.view.activations.get(id))
        .filter((activation) => activation !== undefined && mayBegin(activation)) as Activation[];

    const cancelled = (): Activation[] => {
      const waiting: Activation[] = [];
      for (const activation of ports.ledger.view.activations.values()) {
        if (activation.status !== 'open' || activation.cancel === undefined) continue;
        const stop = carried.get(activation.activation);
        if (stop) stop.say(cancelReason(activation.cancel));
        else waiting.push(activation);
      }
      return waiting;
    };

    /** Its activation is closed already: nobody says more of it than the ends of its runs. */
    const stopTask = (): void => {
      for (const [id, stop] of carried)
        if (ports.ledger.view.activations.get(id)?.stopped) stop.say('the task was stopped');
    };

    /** Those that begin because of the event. */
    const hear = (event: Event): Activation[] => {
      wakes.heard(event.type);
      if (event.type === 'TASK_STOPPED') stopTask();
      if (CANCELLERS.has(event.type) && event.authentic) return cancelled();
      return OPENERS.has(event.type) ? ready() : [];
    };

    /** A file that holds again what a parked activation began with lets it go on. */
    const unpark = async (): Promise<void> => {
      const facts = [...ports.ledger.view.activations.values()]
        .filter(({ parked, hash, handler }) => parked !== undefined && ports.handlers.find(handler)?.hash === hash)
        .map((activation) => resumeFact(activation, activation.hash!, 'the handler is again what it was'));
      if (facts.length > 0) await ports.ledger.record(facts);
    };

    const stopping = [
      drain$.subscribe({ next: () => drain.say('draining'), error: () => drain.say('draining') }),
      stop$.subscribe({ next: () => kill.say('the conductor was stopped'), error: () => kill.say('stopped') }),
    ];
    const begin = async (activation: Activation): Promise<Outcome> => {
      const stop = kill.child();
      carried.set(activation.activation, stop);
      try {
        return await carry({ ports, wakes, cache, drain }, activation, stop);
      } finally {
        carried.delete(activation.activation);
        stop.close();
      }
    };
    const begins$ = merge(
      from([...view.activations.values()].filter(mayBegin)),
      ports.ledger.folded$.pipe(mergeMap(hear)),
      ports.handlers.changes$.pipe(
        mergeMap(async () => unpark().then(() => [])),
        mergeMap((none) => none),
      ),
    ).pipe(takeUntil(drain$));
    // What has begun is awaited.
    return begins$.pipe(
      mergeMap((activation) => from(begin(activation))),
      finalize(() => {
        for (const one of stopping) one.unsubscribe();
      }),
    );
  });
