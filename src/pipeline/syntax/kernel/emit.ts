import { z } from 'zod';
import type { Step } from '../../../core/handler.js';
import { common, commonOf, templateSchema, templatesSchema } from '../parts.js';

export const emit = z
  .strictObject({
    ...common,
    emit: z.union([
      z
        .string()
        .min(1)
        .transform((type) => ({ type, body: undefined, data: undefined, data_from: undefined })),
      z.strictObject({
        type: templateSchema,
        body: templateSchema.optional(),
        data: z.record(z.string(), templatesSchema).optional(),
        /** The id of a step whose data are merged over `data`: values keep their types. */
        data_from: z.string().optional(),
      }),
    ]),
  })
  .transform(({ emit: { type, body, data, data_from }, ...one }): Step => ({
    ...commonOf(one),
    kind: 'emit',
    type,
    ...(body === undefined ? {} : { body }),
    ...(data === undefined ? {} : { data }),
    ...(data_from === undefined ? {} : { data_from }),
  }));
