import type { Observable } from 'rxjs';
import type { RuleTable } from '../rule.js';

export interface Rules {
  readonly current: RuleTable;
  /** The current table at once, then each later one that was good. */
  readonly changes$: Observable<RuleTable>;
  close(): Promise<void>;
}
