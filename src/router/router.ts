import { concatMap, defer, filter, from, type Observable } from 'rxjs';
import type { Event } from '../core/event.js';
import { isReserved } from '../core/event-type.js';
import type { Draft } from '../core/event.js';
import type { Routed } from '../core/ledger-view.js';
import type { Batch, Bus, Clock, Ledger, Rules } from '../core/ports.js';
import { decide } from './decide.js';

/** Nothing to decide in a batch of our own bookkeeping: it moves no cursor, so that ROUTED does not answer ROUTED. */
const isDecidable = (event: Event): boolean =>
  !isReserved(event.type) || event.type === 'TIMER_FIRED' || event.type.startsWith('TASK_');

/**
 * Reads on from the last ROUTED and says what every rule decided, one durable record a batch. Starts nothing itself.
 */
export const router = (ports: { bus: Bus; ledger: Ledger; rules: Rules; clock: Clock }): Observable<Routed> =>
  defer(() => {
    let from_ = ports.ledger.view.routed_to ?? '';
    const decideBatch = async (batch: Batch): Promise<Routed> => {
      await ports.ledger.until(batch.events.at(-1)!.msg_id);
      const table = ports.rules.current;
      const events = batch.events.filter(isDecidable);
      const routed: Routed = {
        from: from_,
        to: batch.cursor,
        table: table.hash,
        events: events.length,
        ...decide(events, table, ports.ledger.view, ports.clock.now()),
      };
      const facts: Draft[] = [
        { type: 'ROUTED', source: 'router', data: { ...routed }, body: summary(routed) },
        ...routed.errors.map((error) => ({
          type: 'RULE_ERROR',
          source: 'router',
          data: { ...error },
          body: `ERROR: rule ${error.rule} could not decide ${error.event}: ${error.message}`,
          parents: [{ msg_id: error.event, kind: 'caused_by' }],
        })),
        ...routed.suppressed
          .filter((one) => one.reason === 'depth' || one.reason === 'chain')
          .map((one) => ({
            type: one.reason === 'chain' ? 'CHAIN_LIMIT' : 'SUPPRESSED',
            source: 'router',
            data: { ...one },
            body: `ERROR: rule ${one.rule} was not started: ${one.detail}`,
            parents: [{ msg_id: one.event, kind: 'about' }],
          })),
      ];
      await ports.ledger.record(facts);
      from_ = batch.cursor;
      return routed;
    };
    return ports.bus.follow(ports.ledger.view.routed_to).pipe(
      filter((batch) => batch.events.some(isDecidable)),
      concatMap((batch) => from(decideBatch(batch))),
    );
  });

const summary = (routed: Routed): string =>
  routed.fired.length === 0
    ? `no rule fired for ${routed.events} events`
    : routed.fired.map((fired) => `${fired.rule} → ${fired.handler} (${fired.task_id})`).join('\n');
