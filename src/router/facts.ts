import type { Draft, Event } from '../core/event.js';
import { isReserved } from '../core/event-type.js';
import type { Routed, SuppressionReason } from '../core/ledger-view.js';
import { eventIn, type Decision } from './batch.js';

/** A rule that was taken out is asked again after so long. */
const OUT_MS = 3_600_000;

/** What is said beside ROUTED: a person should see it. */
const SAID = new Set<SuppressionReason>(['depth', 'chain', 'queue_full', 'rule_gone']);

type Suppressed = Routed['suppressed'][number];

/** A breaker speaks when it opens, not each time it holds something back. */
const isSaid = ({ reason, detail }: Suppressed): boolean =>
  SAID.has(reason) || (reason === 'breaker' && detail.includes('a loop'));

const suppressionFact = (one: Suppressed): Draft => ({
  type: one.reason === 'chain' ? 'CHAIN_LIMIT' : 'SUPPRESSED',
  source: 'router',
  data: { ...one },
  body: `ERROR: rule ${one.rule} was not started: ${one.detail}`,
  parents: [{ msg_id: one.event, kind: 'about' }],
  // Once a chain: the detail names its root.
  ...(one.reason === 'chain' ? { dedupe_key: `chain-limit:${one.detail}` } : {}),
});

const summary = ({ fired, events }: Routed): string =>
  fired.length === 0
    ? `no rule fired for ${events} events`
    : fired
        .map(({ rule, handler, task_id, folded }) => {
          const many = folded ? `, ${folded.count} events together` : '';
          return `${rule} → ${handler} (${task_id}${many})`;
        })
        .join('\n');

const countOf = ({ count = 1 }: { count?: number }): string =>
  count === 1 ? '' : ` (error ${count} of this hour from outside)`;

interface Beside {
  /** Those that were decided. */
  events: readonly Event[];
  out: Decision['out'];
  dead: Decision['dead'];
  /** Ms. */
  now: number;
}

/**
 * ROUTED and what is said with it, in one write. What is said about an event is one deeper, and of a fact of our own that went
 * too deep nothing is said: a rule that names such facts must come to an end.
 */
export const factsOf = (routed: Routed, { events, out, dead, now }: Beside): Draft[] => {
  const eventOf = eventIn(events);
  const depth = (msg_id: string): { depth: number } => ({ depth: (eventOf(msg_id)?.depth ?? 0) + 1 });
  const tooDeep = ({ event, reason }: Suppressed): boolean =>
    reason === 'depth' && isReserved(eventOf(event)?.type ?? '');
  return [
    { type: 'ROUTED', source: 'router', data: { ...routed }, body: summary(routed) },
    ...dead.map((error) => ({
      type: 'RULE_ERROR',
      source: 'router',
      data: { ...error },
      body: `ERROR: rule ${error.rule} could not decide ${error.event}: ${error.message}${countOf(error)}`,
      parents: [{ msg_id: error.event, kind: 'about' }],
      ...depth(error.event),
    })),
    ...routed.suppressed
      .filter((one) => isSaid(one) && !tooDeep(one))
      .map((one) => ({ ...suppressionFact(one), ...depth(one.event) })),
    ...out.map(({ rule, reason }) => ({
      type: 'RULE_DISABLED',
      source: 'router',
      data: { rule, reason, until: new Date(now + OUT_MS).toISOString() },
      body: `ERROR: rule ${rule} was taken out for an hour: ${reason}; "conductor rules enable ${rule}" brings it back`,
    })),
  ];
};
