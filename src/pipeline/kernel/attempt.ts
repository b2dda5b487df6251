import type { AttemptStep, Step } from '../../core/handler.js';
import type { Call } from '../context.js';
import { inner, type Outcome } from '../scope.js';

/** In its place, when it failed: a rescue that fails says what it was for. */
const rescued = async (
  { context, path, frame }: Call<AttemptStep>,
  rescue: readonly Step[],
  failed: Outcome,
): Promise<Outcome> => {
  const outcome = await context.runAll(rescue, `${path}.rescue.`, frame);
  return outcome.status === 'failed'
    ? { ...outcome, error: `${outcome.error ?? ''}; it was to answer: ${failed.error ?? ''}` }
    : outcome;
};

/** Compensations run one after the other, each whatever became of the one before. */
export const runAttempt = async (call: Call<AttemptStep>): Promise<Outcome> => {
  const { context, step, path, frame } = call;
  const outcome = await context.runAll(step.try, `${path}.`, frame);
  if (outcome.status !== 'failed') return outcome;
  const variables = inner(frame.variables, { error: { step: path, message: outcome.error ?? '' } });
  if (step.rescue) return rescued({ ...call, frame: { ...frame, variables } }, step.rescue, outcome);
  const problems: string[] = [];
  for (const [index, one] of step.compensate.entries()) {
    const done = await context.run(one, `${path}.compensate.${one.id ?? index}`, { ...frame, variables });
    if (done.status === 'failed') problems.push(`${one.id ?? index}: ${done.error ?? ''}`);
  }
  return problems.length === 0
    ? outcome
    : { ...outcome, error: `${outcome.error ?? ''}; the compensation failed too: ${problems.join('; ')}` };
};
