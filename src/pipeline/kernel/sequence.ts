import type { SequenceStep } from '../../core/handler.js';
import type { Call } from '../context.js';
import { grouped } from '../group-result.js';
import type { Outcome } from '../scope.js';

export const runSequence = async ({ context, step, path, frame }: Call<SequenceStep>): Promise<Outcome> =>
  grouped(step.result, await context.runAll(step.steps, `${path}.`, frame), frame, context.ports.nonce());
