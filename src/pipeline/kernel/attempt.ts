import type { AttemptStep } from '../../core/handler.js';
import type { Call } from '../context.js';
import { inner, type Outcome } from '../scope.js';

/** Compensations run one after the other, each whatever became of the one before. */
export const runAttempt = async ({ context, step, path, frame }: Call<AttemptStep>): Promise<Outcome> => {
  const outcome = await context.runAll(step.try, `${path}.`, frame);
  if (outcome.status !== 'failed') return outcome;
  const variables = inner(frame.variables, { error: { step: path, message: outcome.error ?? '' } });
  const problems: string[] = [];
  for (const [index, one] of step.compensate.entries()) {
    const done = await context.run(one, `${path}.compensate.${one.id ?? index}`, { ...frame, variables });
    if (done.status === 'failed') problems.push(`${one.id ?? index}: ${done.error ?? ''}`);
  }
  return problems.length === 0
    ? outcome
    : { ...outcome, error: `${outcome.error ?? ''}; the compensation failed too: ${problems.join('; ')}` };
};
