import type { DayUse, RuleState } from './ledger-view.js';
import type { Rule } from './rule.js';

export const newDayUse = (): DayUse => ({ day: '', runs_today: 0, usd_today: 0 });

export const newRuleState = (): RuleState => ({ fired: 0, held: 0, suppressed: 0, errors: 0, ...newDayUse() });

/** Why the rule is not asked at `at` (ms); undefined when it is. What was said at run time is stronger than the file. */
export const offBecause = (rule: Rule, state: RuleState | undefined, at: number): string | undefined => {
  const switched = state?.switched;
  if (switched && (switched.until === undefined || at < switched.until)) {
    if (switched.on) return undefined;
    const end = switched.until === undefined ? '' : ` until ${new Date(switched.until).toISOString()}`;
    return `disabled${end}: ${switched.reason}`;
  }
  return rule.enabled ? undefined : 'enabled: false in the rule file';
};
