import { Observable, concatMap, defer, filter, ignoreElements, map, merge, timer } from 'rxjs';
import type { Draft } from '../core/event.js';
import { Windows } from '../core/flow/windows.js';
import type { Routed } from '../core/ledger-view.js';
import type { Batch, Bus, Rules } from '../core/ports.js';
import { paced } from '../operators/paced.js';
import { withDeadlines } from '../operators/with-deadlines.js';
import type { Health } from './batch.js';
import { orphaned, supersededBy } from './cancels.js';
import { compileTable, type CompiledTable } from './compile.js';
import { isDecidable } from './decidable.js';
import { decideInSlices } from './decide.js';
import { factsOf } from './facts.js';
import { recordAtLast, type RecordPorts } from './record-at-last.js';

/** A message that was stamped just before may still be on its way into the file: ms. */
const SETTLE_MS = 10;

/** So many events that wait while a decision becomes durable are decided as one batch. */
const MOST_JOINED = 256;

const join = (waiting: Batch, next: Batch): Batch | undefined =>
  waiting.events.length + next.events.length > MOST_JOINED
    ? undefined
    : {
        events: [...waiting.events, ...next.events],
        damaged: [...waiting.damaged, ...next.damaged],
        cursor: next.cursor,
      };

/** From one decision to the next, ms: under load what comes meanwhile is decided and said together. */
const APART_MS = 5;

/** Events that are read before they are decided. */
const MOST_AHEAD = 16_384;

interface Decision {
  routed: Routed;
  facts: readonly Draft[];
}

/** Whether the newest ROUTED is this one. */
const isNewest = async (bus: Bus, { from, to, fired, held, suppressed }: Routed): Promise<boolean> => {
  const wanted = JSON.stringify([from, to, fired, held, suppressed]);
  for await (const { data, authentic } of bus.read({ types: ['ROUTED'], tail: 1 })) {
    const found = data as unknown as Routed;
    return authentic && JSON.stringify([found.from, found.to, found.fired, found.held, found.suppressed]) === wanted;
  }
  return false;
};

/**
 * Reads on from the last ROUTED and says what every rule decided, one durable record a batch, and one where a window was due.
 * Starts nothing itself.
 */
export const router = (ports: RecordPorts & { bus: Bus; rules: Rules }): Observable<Routed> =>
  defer(() => {
    const { bus, ledger, rules, clock } = ports;
    // A copy of its own: it is ahead of the ledger while a decision becomes durable.
    const windows = Windows.of(structuredClone([...ledger.view.windows.entries()]));
    const health = new Map<string, Health>();
    let position = ledger.view.routed_to ?? '';
    let compiled = compileTable(rules.current);
    const table = (): CompiledTable =>
      compiled.hash === rules.current.hash ? compiled : (compiled = compileTable(rules.current));

    /** True where events that came before now wait for their decision: what is due is decided with them, in their order. */
    const isBehind = async (): Promise<boolean> => {
      for await (const { msg_id, sealed } of bus.read({ tail: 1 })) if (sealed) await ledger.until(msg_id);
      return ledger.view.undecided.size > 0;
    };

    const decide = async (batch: Batch | undefined): Promise<Decision | undefined> => {
      const now = clock.now();
      const last = batch?.events.findLast((event) => event.sealed)?.msg_id;
      if (last !== undefined) await ledger.until(last);
      const events = batch?.events.filter((event) => isDecidable(table(), event)) ?? [];
      if (batch ? events.length === 0 : await isBehind()) return undefined;
      const using = table();
      const { out, dead, ...decision } = await decideInSlices(
        events,
        { table: using, view: ledger.view, windows, health, now, elapsed: () => clock.now() },
        batch ? undefined : now - SETTLE_MS,
      );
      const said = [decision.fired, decision.held, decision.suppressed, Object.keys(decision.windows)];
      if (!batch && said.every((list) => list.length === 0)) return undefined;
      const to = batch?.cursor ?? position;
      const routed: Routed = {
        from: position,
        to,
        ...(last === undefined ? {} : { last }),
        table: using.hash,
        events: events.length,
        ...decision,
      };
      const cancels = supersededBy(ledger.view, routed.fired);
      const facts: Draft[] = [...factsOf(routed, { events, out, dead, now }), ...cancels];
      return { routed, facts };
    };

    const say = (batch: Batch | undefined): Observable<Routed> =>
      new Observable((subscriber) => {
        const began = clock.now();
        const complete = (): void => {
          if (batch) done(batch);
          // A clock may be set back meanwhile.
          const left = Math.min(began + APART_MS - clock.now(), APART_MS);
          if (left <= 0) subscriber.complete();
          else subscriber.add(timer(left, clock.scheduler).pipe(ignoreElements()).subscribe(subscriber));
        };
        const record = (decision: Decision | undefined): void => {
          if (subscriber.closed) return;
          if (!decision) return complete();
          const { routed, facts } = decision;
          const recording = recordAtLast(ports, facts, () => isNewest(bus, routed)).subscribe({
            next: () => {
              position = routed.to;
              subscriber.next(routed);
            },
            error: (error: unknown) => subscriber.error(error),
            complete,
          });
          subscriber.add(recording);
        };
        decide(batch).then(record, (error: unknown) => subscriber.error(error));
      });

    /** Said when the table changes. */
    const cancelOrphans$ = rules.changes$.pipe(
      map(() => orphaned(ledger.view, table())),
      filter((facts) => facts.length > 0),
      concatMap((facts) => recordAtLast(ports, facts, () => Promise.resolve(false))),
      ignoreElements(),
    );

    const { batches$, done } = paced(bus, ledger.view.routed_to, {
      most: MOST_AHEAD,
      wanted: (batch) => batch.events.some((event) => isDecidable(table(), event)),
    });
    const routed$ = batches$.pipe(
      withDeadlines(
        say,
        // Never ahead of events that came earlier and wait for their decision.
        () => {
          const due = ledger.view.undecided.size > 0 ? undefined : windows.next();
          return due && due.at + SETTLE_MS;
        },
        clock,
        join,
      ),
    );
    return merge(routed$, cancelOrphans$);
  });
