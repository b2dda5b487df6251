import type { Fired } from '../core/ledger-view.js';
import type { Decision } from './batch.js';
import { describeVerdict } from './describe.js';
import type { Verdict } from './verdict.js';

/** What came of one rule for one event. */
export interface Outcome {
  said: string;
  fired?: Fired;
}

export const keyOf = (event: string, rule: string): string => `${event}\n${rule}`;

export const outcomes = (decision: Pick<Decision, 'fired' | 'held' | 'suppressed' | 'errors'>): [string, Outcome][] => [
  ...(decision.held ?? []).map(({ rule, event }): [string, Outcome] => [keyOf(event, rule), { said: 'held' }]),
  ...decision.suppressed.map(({ rule, event, reason }): [string, Outcome] => [
    keyOf(event, rule),
    { said: `suppressed: ${reason}` },
  ]),
  ...decision.errors.map(({ rule, event }): [string, Outcome] => [keyOf(event, rule), { said: 'error' }]),
  // Last: an event that was held and then started something has started something.
  ...decision.fired.map((fired): [string, Outcome] => [keyOf(fired.event, fired.rule), { said: 'fired', fired }]),
];

/** What of a start a rule decides. */
const started = ({ handler, with: given, trust, priority, folded, usd_per_run, usd_per_day }: Fired) => ({
  handler,
  with: given,
  trust,
  priority,
  'events together': folded?.count,
  usd_per_run,
  usd_per_day,
});

const shown = (value: unknown): string => (value === undefined ? 'none' : JSON.stringify(value));

/** In what two starts for one event differ; empty where they are the same. */
const changed = (was: Fired, would: Fired): string => {
  const [before, after] = [started(was), started(would)];
  return (Object.keys(before) as (keyof typeof before)[])
    .filter((key) => shown(before[key]) !== shown(after[key]))
    .map((key) => `${key} ${shown(before[key])} → ${shown(after[key])}`)
    .join(', ');
};

/** In what two starts differ, `''` where it is enough to say what was said; undefined: nothing differs. */
export const differenceOf = (was: Outcome | undefined, would: Outcome | undefined): string | undefined => {
  if (was?.said !== would?.said) return '';
  return was?.fired && would?.fired ? changed(was.fired, would.fired) || undefined : undefined;
};

/** Why a rule would say what it would. */
export const reasonOf = (verdict: Verdict | undefined): string | undefined => {
  if (verdict?.verdict !== 'fired') return verdict && describeVerdict(verdict);
  const { handler, folded } = verdict.fired;
  return folded ? `${handler}, ${folded.count} events together` : handler;
};
