import type { Event } from '../core/event.js';
import { setBounded } from '../core/bounded.js';
import type { Activation, DayUse, Fired, LedgerView, RuleState } from '../core/ledger-view.js';
import { newDayUse, newRuleState } from '../core/rule-state.js';

/** Events name the keys; beyond this the one that was used longest ago goes. */
const MOST_BUDGETS = 20_000;

const stateOf = (view: LedgerView, rule: string): RuleState => {
  let state = view.rules.get(rule);
  if (!state) view.rules.set(rule, (state = newRuleState()));
  return state;
};

/** At midnight UTC budgets begin anew. */
const onItsDay = <Use extends DayUse>(use: Use, event: Event): Use => {
  const day = event.ts.slice(0, 10);
  return day > use.day ? Object.assign(use, { ...newDayUse(), day }) : use;
};

/** The state of the day the event belongs to. */
export const todayOf = (view: LedgerView, rule: string, event: Event): RuleState =>
  onItsDay(stateOf(view, rule), event);

/** Whatever counts what the start uses up. */
const usesOf = (view: LedgerView, { rule, budget }: Pick<Fired, 'rule' | 'budget'>, event: Event): DayUse[] => {
  const ofRule = todayOf(view, rule, event);
  if (budget === undefined) return [ofRule];
  const ofKey = onItsDay(view.budgets.get(budget) ?? newDayUse(), event);
  setBounded(view.budgets, budget, ofKey, MOST_BUDGETS);
  return [ofRule, ofKey];
};

/** Each start of a rule counts as one run from the moment it is decided. */
export const startCounted = (view: LedgerView, fired: Fired, event: Event): void => {
  for (const use of usesOf(view, fired, event)) use.runs_today += 1;
};

/** Further runs of it are added. */
export const runCounted = (view: LedgerView, activation: Activation, event: Event): void => {
  activation.runs = (activation.runs ?? 0) + 1;
  if (activation.runs > 1) startCounted(view, activation, event);
};

/** One that never began. */
export const runUncounted = (view: LedgerView, activation: Activation, event: Event): void => {
  const runs = activation.runs ?? 0;
  if (runs > 1) for (const use of usesOf(view, activation, event)) use.runs_today = Math.max(0, use.runs_today - 1);
  activation.runs = Math.max(0, runs - 1);
};

export const runPaid = (view: LedgerView, activation: Activation, event: Event, usd: number): void => {
  for (const use of usesOf(view, activation, event)) use.usd_today += usd;
};

/** RULE_ENABLED and RULE_DISABLED: `rule`, `reason`, `until` (RFC 3339, where it is only for a time). */
export const ruleSwitched = (view: LedgerView, event: Event): void => {
  const { rule, reason, until } = event.data;
  if (typeof rule !== 'string') return;
  const time = typeof until === 'string' ? Date.parse(until) : Number.NaN;
  stateOf(view, rule).switched = {
    on: event.type === 'RULE_ENABLED',
    reason: typeof reason === 'string' ? reason : 'operator',
    at: Date.parse(event.ts),
    ...(Number.isFinite(time) ? { until: time } : {}),
  };
};
