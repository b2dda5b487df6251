import type { Step } from '../core/handler.js';
import type { Outcome } from './scope.js';

/** What of a step's failure is its group's: the error names the innermost step. */
export const failureOf = (
  step: Step,
  path: string,
  { status, exit, error = '', class: kind }: Outcome,
): Partial<Outcome> => ({
  status,
  exit,
  error: isNamed(step, error) ? error : `step ${path}: ${error}`,
  ...(kind === undefined ? {} : { class: kind }),
});

const isNamed = (step: Step, error: string): boolean =>
  step.kind !== 'agent' && step.kind !== 'shell' && /^step \S+: /.test(error);
