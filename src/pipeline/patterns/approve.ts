import { z } from 'zod';
import type { Step } from '../../core/handler.js';
import { common, commonOf, templateSchema } from '../syntax/parts.js';
import type { Pattern } from './pattern.js';

/** Waits for a person. Nobody in time: the default, else a failure. */
export const approve = {
  keys: ['approve'],
  schema: () =>
    z
      .strictObject({
        ...common,
        approve: z.union([
          templateSchema.transform((question) => ({ question, default: undefined })),
          z.strictObject({ question: templateSchema, default: z.enum(['approve', 'reject']).optional() }),
        ]),
      })
      .transform(({ approve: given, ...one }): Step => ({
        ...commonOf(one),
        kind: 'wait',
        for: { kind: 'approval', question: given.question, ...(given.default ? { default: given.default } : {}) },
        on_timeout: 'fail',
      })),
} satisfies Pattern;
