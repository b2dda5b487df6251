import type { SequenceStep } from '../../core/handler.js';
import type { Call } from '../context.js';
import { grouped } from '../group-result.js';
import { inner, type Outcome } from '../scope.js';

export const runSequence = async ({ context, step, path, ...call }: Call<SequenceStep>): Promise<Outcome> => {
  const frame = step.scoped ? { ...call.frame, variables: inner(call.frame.variables) } : call.frame;
  return grouped(step.result, await context.runAll(step.steps, `${path}.`, frame), frame, context.ports.nonce());
};
