import { z } from 'zod';
import type { Step } from '../../../core/handler.js';
import { common, commonOf, templateSchema, templatesSchema } from '../parts.js';

export const call = z
  .strictObject({
    ...common,
    call: z.union([
      z
        .string()
        .min(1)
        .transform((handler) => ({ handler, with: {} })),
      z.strictObject({ handler: templateSchema, with: z.record(z.string(), templatesSchema).default({}) }),
    ]),
  })
  .transform((one): Step => ({ ...commonOf(one), kind: 'call', ...one.call }));
