import type { Event } from '../core/event.js';
import type { Activation, LedgerView, RuleState } from '../core/ledger-view.js';
import { newRuleState } from '../core/rule-state.js';

const stateOf = (view: LedgerView, rule: string): RuleState => {
  let state = view.rules.get(rule);
  if (!state) view.rules.set(rule, (state = newRuleState()));
  return state;
};

/** The state of the day the event belongs to: at midnight UTC budgets begin anew. */
export const todayOf = (view: LedgerView, rule: string, event: Event): RuleState => {
  const state = stateOf(view, rule);
  const day = event.ts.slice(0, 10);
  if (day > state.day) {
    state.day = day;
    state.runs_today = 0;
    state.usd_today = 0;
  }
  return state;
};

/** Each start of a rule counts as one run from the moment it is decided; further runs of it are added. */
export const runCounted = (view: LedgerView, activation: Activation, event: Event): void => {
  activation.runs = (activation.runs ?? 0) + 1;
  if (activation.runs > 1) todayOf(view, activation.rule, event).runs_today += 1;
};

export const runPaid = (view: LedgerView, activation: Activation, event: Event, usd: number): void => {
  todayOf(view, activation.rule, event).usd_today += usd;
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
