import type { GroupResult } from '../core/handler.js';
import { evaluate } from './condition.js';
import type { Frame } from './context.js';
import { forTemplate, type Outcome } from './scope.js';
import { render } from './template.js';

/** A group's own output and data in place of its last child's, where it says so. A failure stays what it is. */
export const grouped = (result: GroupResult | undefined, outcome: Outcome, frame: Frame, nonce: string): Outcome =>
  result === undefined || outcome.status === 'failed'
    ? outcome
    : {
        ...outcome,
        ...(result.text === undefined ? {} : { output: render(result.text, forTemplate(frame.variables), nonce) }),
        ...(result.data === undefined ? {} : { data: evaluate(result.data, frame.variables) }),
      };

const DOCUMENT_MAX = 256 * 1024;

/** What several gave, side by side in one document. */
export const sideBySide = (parts: readonly { name: string; output: string }[]): string => {
  const text = parts.map(({ name, output }) => `## ${name}\n\n${output.trim()}\n`).join('\n');
  return text.length > DOCUMENT_MAX ? `${text.slice(0, DOCUMENT_MAX)}\n… (cut)\n` : text;
};
