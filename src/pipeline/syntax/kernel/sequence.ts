import { z } from 'zod';
import type { Step } from '../../../core/handler.js';
import { common, commonOf } from '../parts.js';
import type { StepSchema } from '../schema.js';
import { resultSchema } from './shared.js';

export const sequence = (step: StepSchema) => {
  const steps = z.array(step).min(1);
  return z
    .strictObject({
      ...common,
      sequence: z.union([
        steps.transform((list) => ({ steps: list, result: undefined })),
        z.strictObject({ steps, result: resultSchema.optional() }),
      ]),
    })
    .transform((one): Step => ({
      ...commonOf(one),
      kind: 'sequence',
      steps: one.sequence.steps,
      ...(one.sequence.result ? { result: one.sequence.result } : {}),
    }));
};
