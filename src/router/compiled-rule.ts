import type { Condition } from '../core/condition.js';
import type { Event, Trust } from '../core/event.js';
import type { Stage, StageName } from '../core/flow/window.js';
import type { Fired } from '../core/ledger-view.js';
import type { Matcher } from '../core/match.js';
import type { Rule } from '../core/rule.js';

export interface CompiledStage {
  name: StageName;
  stage: Stage;
  key: (event: Event) => string;
  /** The fields that the key is made of; undefined: one window for all events. */
  per: readonly string[] | undefined;
}

/** Asking a rule reads this alone, where the rule says nothing special: ten thousand whole rules do not fit into a cache. */
export interface CompiledRule {
  rule: Rule;
  id: string;
  max_age: number;
  /** It filters actors, expires or is off. */
  isGuarded: boolean;
  /** It has a budget, a number of starts, or a concurrency key. */
  isLimited: boolean;
  trust: Trust | undefined;
  /** The part of each start that is the rule's. */
  start: Pick<Fired, 'rule' | 'handler' | 'with' | 'priority' | 'usd_per_run' | 'usd_per_day'>;
  match: Matcher | undefined;
  when: Condition | undefined;
  /** In the order a signal takes. */
  stages: readonly CompiledStage[];
  /** The stage of the rule that a mismatch ends. */
  sustained: CompiledStage | undefined;
  /** Parts of a correlation. */
  parts: readonly { on: readonly string[]; match: Matcher | undefined }[];
  breaker: CompiledStage | undefined;
  concurrencyKey: ((event: Event) => string) | undefined;
  /** Whose budget a day it is: `<rule> for <key>`. */
  budgetOf: ((event: Event) => string) | undefined;
}
