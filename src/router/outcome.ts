import type { Fired } from '../core/ledger-view.js';
import type { Decision } from './batch.js';
import { describeVerdict } from './describe.js';
import type { Verdict } from './verdict.js';

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

/** What came of one rule for one event. Of a start no more than what may differ: there may be very many. */
export interface Outcome {
  said: string;
  start?: ReturnType<typeof started>;
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
  ...decision.fired.map((fired): [string, Outcome] => [
    keyOf(fired.event, fired.rule),
    { said: 'fired', start: started(fired) },
  ]),
];

const shown = (value: unknown): string => (value === undefined ? 'none' : JSON.stringify(value));

/** In what two starts for one event differ; empty where they are the same. */
const changed = (was: Required<Outcome>['start'], would: Required<Outcome>['start']): string =>
  (Object.keys(was) as (keyof typeof was)[])
    .filter((key) => shown(was[key]) !== shown(would[key]))
    .map((key) => `${key} ${shown(was[key])} → ${shown(would[key])}`)
    .join(', ');

/** In what two starts differ, `''` where it is enough to say what was said; undefined: nothing differs. */
export const differenceOf = (was: Outcome | undefined, would: Outcome | undefined): string | undefined => {
  if (was?.said !== would?.said) return '';
  return was?.start && would?.start ? changed(was.start, would.start) || undefined : undefined;
};

/** Why a rule would say what it would. */
export const reasonOf = (verdict: Verdict): string => {
  if (verdict.verdict !== 'fired') return describeVerdict(verdict);
  const { handler, folded } = verdict.fired;
  return folded ? `${handler}, ${folded.count} events together` : handler;
};
