import { filteredActor } from '../core/actor.js';
import { explainCondition } from '../core/condition.js';
import { MAX_DEPTH } from '../core/depth.js';
import { formatDuration } from '../core/duration.js';
import type { Event } from '../core/event.js';
import { isReserved } from '../core/event-type.js';
import { Windows } from '../core/flow/windows.js';
import type { SuppressionReason } from '../core/ledger-view.js';
import { matchesType } from '../core/match.js';
import { originOf } from '../core/lineage.js';
import { offBecause } from '../core/rule-state.js';
import { lineageIn, setWindow, type Batch } from './batch.js';
import type { CompiledRule } from './compiled-rule.js';
import { holds, isOut } from './health.js';

export type Considered =
  | { matched: false }
  /** Parts of its correlation that the event is. */
  | { matched: true; parts: readonly number[] }
  | { matched: true; suppressed: SuppressionReason; detail: string };

const NOT: Considered = { matched: false };

/** An event of the rule's types that does not match: what had to last has ended. */
const endSustained = (batch: Batch, { rule, sustained: stage }: CompiledRule, event: Event): void => {
  if (!stage) return;
  const id = Windows.idOf({ rule: rule.id, stage: stage.name, key: stage.key(event) });
  if (batch.windows.get(id)) setWindow(batch, id, undefined, Date.parse(event.ts));
};

const NONE: readonly number[] = [];

/** Which parts of its correlation the event is. */
const partsOf = ({ parts }: CompiledRule, event: Event): readonly number[] =>
  parts.length === 0
    ? NONE
    : parts.flatMap(({ on, match }, index) => (matchesType(on, event.type) && !match?.(event) ? [index] : []));

const suppressed = (reason: SuppressionReason, detail: string): Considered => ({
  matched: true,
  suppressed: reason,
  detail,
});

const leftOut = (batch: Batch, event: Event, entry: string): string => {
  const own = entry === 'self' ? originOf(batch.view, event) : undefined;
  const because = own?.own ? own.because : `${event.actor ?? 'who said it'} is one of "${entry}"`;
  return own?.own ? `${because}; the rule leaves out "self"` : `${because}; the rule leaves these out`;
};

/** Everything that the event alone decides, without what came before it. */
export const consider = (batch: Batch, compiled: CompiledRule, event: Event, at: number): Considered => {
  const { rule, id, isGuarded, max_age } = compiled;
  const state = batch.view.rules.get(id);
  const off = isGuarded || state?.switched ? offBecause(rule, state, at) : undefined;
  if (off !== undefined || isOut(batch, id)) {
    batch.observe?.({ rule: id, event: event.msg_id, verdict: 'disabled', detail: off ?? 'taken out' });
    return NOT;
  }
  const mismatch = compiled.match?.(event);
  if (mismatch) {
    const { field, expected, actual } = mismatch;
    batch.observe?.({
      rule: rule.id,
      event: event.msg_id,
      verdict: 'no_match',
      clause: `match.${field}`,
      expected,
      actual,
    });
    endSustained(batch, compiled, event);
    return NOT;
  }
  const parts = partsOf(compiled, event);
  if (compiled.parts.length > 0 && parts.length === 0) {
    batch.observe?.({
      rule: rule.id,
      event: event.msg_id,
      verdict: 'no_match',
      clause: 'on',
      expected: 'one of its parts',
      actual: event.type,
    });
    return NOT;
  }
  // Before the condition: one that errs on what is said about its own errors must come to an end.
  const depth = depthOf(batch, event);
  if (depth >= MAX_DEPTH) return suppressed('depth', `it would start at depth ${depth}; the maximum is ${MAX_DEPTH}`);
  const result = holds(batch, compiled, event);
  if (result === undefined) return NOT;
  if (!result) {
    if (batch.observe) {
      const { clause, actual } = explainCondition(rule.when!, { event });
      batch.observe({
        rule: rule.id,
        event: event.msg_id,
        verdict: 'no_match',
        clause: 'when',
        expected: clause,
        actual,
      });
    }
    endSustained(batch, compiled, event);
    return NOT;
  }
  if (isGuarded || event.trust === 'outside') {
    const actor = filteredActor(rule.actor?.not, event, () => originOf(batch.view, event)?.own === true);
    if (actor !== undefined) return suppressed('actor', leftOut(batch, event, actor));
  }
  const age = batch.now - at;
  if (age > max_age)
    return suppressed(
      'expired',
      `${formatDuration(age < 1_000 ? age : Math.round(age / 1_000) * 1_000)} old; max_age is ${formatDuration(max_age)}`,
    );
  if (isGuarded && rule.expires !== undefined && at >= rule.expires)
    return suppressed('expired', `the rule expired at ${new Date(rule.expires).toISOString()}`);
  return { matched: true, parts };
};

/** Of an activation that the event would open: an event of our own bookkeeping counts as one more. */
export const depthOf = (batch: Batch, event: Event): number =>
  lineageIn(batch, event).depth + (isReserved(event.type) && event.type !== 'TIMER_FIRED' ? 2 : 1);
