import type { Condition } from '../core/condition.js';
import type { Event } from '../core/event.js';
import type { Stage, StageName } from '../core/flow/window.js';
import type { Matcher } from '../core/match.js';
import type { Rule } from '../core/rule.js';

export interface CompiledStage {
  name: StageName;
  stage: Stage;
  key: (event: Event) => string;
}

export interface CompiledRule {
  rule: Rule;
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
}
