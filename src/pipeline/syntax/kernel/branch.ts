import { z } from 'zod';
import type { Step } from '../../../core/handler.js';
import { celSchema, common, commonOf } from '../parts.js';
import type { StepSchema } from '../schema.js';

export const branch = (step: StepSchema) =>
  z
    .strictObject({
      ...common,
      branch: z
        .array(
          z.union([z.strictObject({ when: celSchema, steps: z.array(step) }), z.strictObject({ else: z.array(step) })]),
        )
        .min(1),
    })
    .refine(
      (one) => one.branch.every((part, index) => 'when' in part || index === one.branch.length - 1),
      '"else" is the last of a branch',
    )
    .transform((one): Step => ({
      ...commonOf(one),
      kind: 'branch',
      cases: one.branch.filter((part) => 'when' in part),
      else: one.branch.flatMap((part) => ('else' in part ? part.else : [])),
    }));
