import type { BranchStep } from '../../core/handler.js';
import { holds } from '../condition.js';
import type { Call } from '../context.js';
import { completed, type Outcome } from '../scope.js';

export const runBranch = async ({ context, step, path, frame }: Call<BranchStep>): Promise<Outcome> => {
  const chosen = step.cases.findIndex((one) => holds(one.when, frame.variables));
  const steps = chosen < 0 ? step.else : step.cases[chosen]!.steps;
  const name = chosen < 0 ? 'else' : String(chosen);
  return steps.length === 0 ? completed() : context.runAll(steps, `${path}.${name}.`, frame);
};
