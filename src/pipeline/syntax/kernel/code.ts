import { z } from 'zod';
import type { Step } from '../../../core/handler.js';
import { common, commonOf } from '../parts.js';

export const code = z
  .strictObject({
    ...common,
    code: z.custom<(variables: object) => unknown>(
      (value) => typeof value === 'function',
      'code is a function of a TypeScript handler',
    ),
  })
  .transform((one): Step => ({ ...commonOf(one), kind: 'code', run: one.code }));
