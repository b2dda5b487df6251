import { z } from 'zod';
import type { Step } from '../../../core/handler.js';
import { durationSchema } from '../../../core/schema-parts.js';
import { celSchema, common, commonOf } from '../parts.js';
import type { StepSchema } from '../schema.js';
import { resultSchema } from './shared.js';

export const repeat = (step: StepSchema) =>
  z
    .strictObject({
      ...common,
      repeat: z.strictObject({
        until: celSchema,
        max: z.int().min(1).max(1_000).default(5),
        stop_when: celSchema.optional(),
        on_max: z.enum(['fail', 'continue']).default('fail'),
        delay: durationSchema.default(0),
        steps: z.array(step).min(1),
        result: resultSchema.optional(),
      }),
    })
    .transform(({ repeat: { stop_when, result, ...rest }, ...one }): Step => ({
      ...commonOf(one),
      kind: 'repeat',
      ...rest,
      ...(stop_when === undefined ? {} : { stop_when }),
      ...(result ? { result } : {}),
    }));
