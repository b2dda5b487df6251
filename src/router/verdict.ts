import type { StageName } from '../core/flow/window.js';
import type { Fired, SuppressionReason } from '../core/ledger-view.js';
import type { Progress } from './progress.js';

/** What came of one rule for one event. */
export type Verdict = { rule: string; event: string } &
  /** `progress`: what has become of it since, where somebody looked. */
  (
    | { verdict: 'fired'; fired: Fired; progress?: Progress }
    /** The first clause that did not hold: `on`, `match.data.branch`, `when`. */
    | { verdict: 'no_match'; clause: string; expected?: unknown; actual?: unknown }
    | { verdict: 'held'; stage: StageName; detail: string }
    | { verdict: 'suppressed'; reason: SuppressionReason; detail: string }
    | { verdict: 'error'; message: string }
    | { verdict: 'disabled'; detail: string }
    /** `stop` of an earlier rule, or a backstop that was not needed. */
    | { verdict: 'not_asked'; detail: string }
  );
