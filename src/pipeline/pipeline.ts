import { concatMap, defer, filter, finalize, from, merge, mergeMap, range, takeUntil, type Observable } from 'rxjs';
import { backoffDelay } from '../core/backoff.js';
import { toConductorError } from '../core/errors.js';
import type { Event } from '../core/event.js';
import type { Activation } from '../core/ledger-view.js';
import { cancelReason, carry, type Outcome } from './carry.js';
import { Chains } from './chains.js';
import { resumeFact } from '../core/activation-facts.js';
import { pause } from './pause.js';
import { restingOf } from './resting-of.js';
import { Sleepers } from './sleepers.js';
import { StepCache } from './step-cache.js';
import { Stop } from './stop.js';
import { Turns } from './turns.js';
import { Wakes } from './wakes.js';
import { treeOf } from './tree-of.js';
import type { Carrying } from './walk.js';

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

/** Between two tries of an activation while the bus takes nothing. */
const STALLED = { base_ms: 1_000, cap_ms: 60_000 };

/** So many at once are on the way to their first record: more of them would be memory, and no gain. */
const MOST_BEGINNING = 64;

/** So many at a time (a turn of the event loop) are looked at after a start. */
const PORTION = 100;

const inPortions = (activations: readonly Activation[]): Observable<Activation> =>
  range(0, Math.ceil(activations.length / PORTION)).pipe(
    concatMap(async (portion) => {
      await new Promise<void>((resolve) => void setImmediate(resolve));
      return activations.slice(portion * PORTION, (portion + 1) * PORTION);
    }),
    mergeMap((portion) => portion),
  );

/**
 * Carries every open activation of the ledger to its end: those found at the start, resumed after their last finished
 * step, and those that become ready. After `drain$` nothing new begins: what runs is awaited, what waits is let go, and
 * both go on after a restart. `stop$` ends the runs, too.
 */
export const pipeline = (
  ports: Carrying['ports'],
  drain$: Observable<unknown>,
  stop$: Observable<unknown>,
  isMine: (activation: Activation) => boolean = () => true,
): Observable<Outcome> =>
  defer(() => {
    const { view } = ports.ledger;
    const wakes = new Wakes(ports.clock);
    const chains = new Chains(() => ports.ledger.view);
    const cache = new StepCache(ports.cacheFolder, () => ports.clock.now());
    const drain = new Stop();
    const kill = new Stop();
    const turns = new Turns(MOST_BEGINNING);
    const carried = new Map<string, Stop>();
    const sleepers = new Sleepers(ports.clock, () => ports.ledger.view);

    const mayBegin = (activation: Activation): boolean =>
      activation.status === 'open' &&
      isMine(activation) &&
      !carried.has(activation.activation) &&
      (activation.cancel !== undefined ||
        (activation.parked === undefined &&
          (activation.hash !== undefined ||
            (!ports.ledger.view.paused && ports.ledger.view.ready.has(activation.activation)))));

    const open = (ids: Iterable<string>): Activation[] =>
      [...ids].map((id) => ports.ledger.view.activations.get(id)).filter((one) => one !== undefined);

    const cancelled = (): Activation[] => open(ports.ledger.view.open).filter(({ cancel }) => cancel !== undefined);

    /** Whether anything may begin because of the event. */
    const isHeard = ({ type }: Event): boolean => OPENERS.has(type) || CANCELLERS.has(type) || sleepers.waitFor(type);

    /** Those that may begin because of the event. */
    const hear = (event: Event): Activation[] => {
      if (CANCELLERS.has(event.type) && event.authentic) return cancelled();
      return [...(OPENERS.has(event.type) ? open(ports.ledger.view.ready) : []), ...open(sleepers.heard(event.type))];
    };

    /** What is at work is told of its end, also while nothing new begins. */
    const tell = (event: Event): void => {
      wakes.heard(event.type);
      if (CANCELLERS.has(event.type) && event.authentic)
        for (const { activation, cancel } of cancelled()) carried.get(activation)?.say(cancelReason(cancel ?? ''));
      if (event.type !== 'TASK_STOPPED') return;
      // Its activation is closed already: nobody says more of it than the ends of its runs.
      for (const [id, stop] of carried)
        if (ports.ledger.view.activations.get(id)?.stopped) stop.say('the task was stopped');
      sleepers.forgetEnded();
    };

    /** A file that holds again what a parked activation began with lets it go on. */
    const unpark = async (): Promise<void> => {
      const facts = [...ports.ledger.view.activations.values()]
        .filter((one) => one.parked !== undefined && one.cause && 'handler' in treeOf(ports, one, one.cause))
        .map((activation) => resumeFact(activation, activation.hash!, 'the handler is again what it was'));
      if (facts.length > 0)
        await ports.ledger.record(facts).catch((error: unknown) => {
          ports.log.error(`pipeline: what is parked stays so: ${toConductorError(error).message}`);
        });
    };

    /** Puts it to sleep where it only waits; false when something of it is to be done now. */
    const sleep = ({ activation: id, cause, hash, cancel }: Activation): boolean => {
      const activation = ports.ledger.view.activations.get(id)!;
      if (cause === undefined || hash === undefined || cancel !== undefined) return false;
      const found = treeOf(ports, activation, cause);
      const waits = 'handler' in found ? restingOf(found.handler, activation) : undefined;
      return waits !== undefined && sleepers.sleep(id, waits);
    };

    const stopping = [
      drain$.subscribe({ next: () => drain.say('draining'), error: () => drain.say('draining') }),
      stop$.subscribe({ next: () => kill.say('the conductor was stopped'), error: () => kill.say('stopped') }),
      ports.ledger.folded$.subscribe({ next: tell, error: () => kill.say('the bus failed') }),
    ];

    /** Again while the bus takes nothing: a full disk ends no activation. */
    const untilCarried = async (id: string, stop: Stop, begun: () => void): Promise<Outcome> => {
      for (let stalled = 0; ;) {
        const outcome = await carry(
          { ports, wakes, chains, cache, drain },
          ports.ledger.view.activations.get(id)!,
          stop,
          begun,
        );
        const now = ports.ledger.view.activations.get(id);
        if (now?.status !== 'open' || drain.reason !== undefined || kill.reason !== undefined) return outcome;
        if (outcome.status === 'waiting') {
          stalled = 0;
          if (now.cancel === undefined && outcome.waits?.length && sleepers.sleep(id, outcome.waits)) return outcome;
        } else if (outcome.status === 'stalled') {
          stalled++;
          if (stalled === 1)
            ports.log.error(`pipeline: ${id} is tried again until it can go on: ${outcome.error ?? ''}`);
          await pause(ports.clock, backoffDelay(stalled, STALLED, ports.random()), stop, drain);
        } else return outcome;
      }
    };
    const begin = async ({ activation: id }: Activation): Promise<Outcome> => {
      const stop = kill.child();
      carried.set(id, stop);
      sleepers.wake(id);
      const begun = await turns.take();
      try {
        return await untilCarried(id, stop, begun);
      } finally {
        begun();
        carried.delete(id);
        stop.close();
      }
    };
    const begins$ = merge(
      inPortions([...view.activations.values()].filter((one) => mayBegin(one) && !sleep(one))),
      ports.ledger.folded$.pipe(filter(isHeard), mergeMap(hear)),
      sleepers.woken$.pipe(mergeMap((id) => open([id]))),
      ports.handlers.changes$.pipe(
        mergeMap(async () => unpark().then(() => [])),
        mergeMap((none) => none),
      ),
    ).pipe(takeUntil(drain$));
    // What has begun is awaited.
    return begins$.pipe(
      mergeMap((activation) => (mayBegin(activation) ? from(begin(activation)) : [])),
      finalize(() => {
        for (const one of stopping) one.unsubscribe();
        sleepers.close();
      }),
    );
  });
