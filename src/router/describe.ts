import type { Fired } from '../core/ledger-view.js';
import { describeProgress, type Progress } from './progress.js';
import type { Verdict } from './verdict.js';

const shown = (value: unknown): string => {
  const text = value === undefined ? 'missing' : (JSON.stringify(value) ?? 'missing');
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
};

/** What was started, and what has become of it since. */
export const describeFired = ({ handler, task_id, folded }: Fired, progress: Progress | undefined): string => {
  const start = `→ ${handler} (task ${task_id}${folded ? `, ${folded.count} events together` : ''})`;
  return progress ? `${start}, ${describeProgress(progress)}` : start;
};

/** Why, in one line: the clause with what it wanted and what was there, or what held the rule back. */
export const describeVerdict = (verdict: Verdict): string => {
  switch (verdict.verdict) {
    case 'fired':
      return describeFired(verdict.fired, verdict.progress);
    case 'no_match': {
      const expected = verdict.clause === 'when' ? String(verdict.expected) : shown(verdict.expected);
      return `${verdict.clause}: wants ${expected}, was ${shown(verdict.actual)}`;
    }
    case 'held':
      return `${verdict.stage}: ${verdict.detail}`;
    case 'suppressed':
      return `${verdict.reason}: ${verdict.detail}`;
    case 'error':
      return verdict.message;
    case 'disabled':
    case 'not_asked':
      return verdict.detail;
  }
};
