import { z } from 'zod';
import type { Step } from '../../../core/handler.js';
import { common, commonOf } from '../parts.js';
import type { StepSchema } from '../schema.js';
import { resultSchema, width } from './shared.js';

export const parallel = (step: StepSchema) => {
  const steps = z.array(step).min(1);
  const parallelShape = z.strictObject({
    max_concurrent: width,
    fail_fast: z.boolean().default(false),
    at_least: z.int().min(0).optional(),
    steps,
    result: resultSchema.optional(),
  });
  return z
    .strictObject({
      ...common,
      parallel: z.union([
        steps.transform((list) => ({
          max_concurrent: 16,
          fail_fast: false,
          at_least: undefined,
          steps: list,
          result: undefined,
        })),
        parallelShape,
      ]),
    })
    .transform((one): Step => ({
      ...commonOf(one),
      kind: 'parallel',
      max_concurrent: one.parallel.max_concurrent,
      fail_fast: one.parallel.fail_fast,
      ...(one.parallel.at_least === undefined ? {} : { at_least: one.parallel.at_least }),
      steps: one.parallel.steps,
      ...(one.parallel.result ? { result: one.parallel.result } : {}),
    }));
};
