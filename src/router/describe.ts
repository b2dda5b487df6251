import type { Verdict } from './verdict.js';

const shown = (value: unknown): string => {
  const text = value === undefined ? 'missing' : (JSON.stringify(value) ?? 'missing');
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
};

/** Why, in one line: the clause with what it wanted and what was there, or what held the rule back. */
export const describeVerdict = (verdict: Verdict): string => {
  switch (verdict.verdict) {
    case 'fired': {
      const { handler, task_id, folded } = verdict.fired;
      return `→ ${handler} (task ${task_id}${folded ? `, ${folded.count} events together` : ''})`;
    }
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
