import { z } from 'zod';
import type { Step } from '../../../core/handler.js';
import { common, commonOf } from '../parts.js';
import type { StepSchema } from '../schema.js';

export const attempt = (step: StepSchema) =>
  z
    .strictObject({
      ...common,
      attempt: z.strictObject({ try: z.array(step).min(1), compensate: z.array(step).default([]) }),
    })
    .transform((one): Step => ({ ...commonOf(one), kind: 'attempt', ...one.attempt }));
