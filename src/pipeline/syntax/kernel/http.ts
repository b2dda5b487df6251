import { z } from 'zod';
import type { Step } from '../../../core/handler.js';
import { common, commonOf, templateSchema, templatesSchema } from '../parts.js';

export const http = z
  .strictObject({
    ...common,
    output: z.enum(['text', 'json']).default('text'),
    http: z.union([
      templateSchema.transform((url) => ({ url, method: 'GET', headers: {}, body: undefined })),
      z.strictObject({
        url: templateSchema,
        method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD']).default('GET'),
        headers: z.record(z.string(), templateSchema).default({}),
        body: templatesSchema.optional(),
      }),
    ]),
  })
  .transform(({ http: { body, ...request }, output, ...one }): Step => ({
    ...commonOf(one),
    kind: 'http',
    ...request,
    output,
    ...(body === undefined ? {} : { body }),
  }));
