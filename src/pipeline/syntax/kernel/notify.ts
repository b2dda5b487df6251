import { z } from 'zod';
import type { Retry, Step } from '../../../core/handler.js';
import { common, commonOf, templateSchema } from '../parts.js';

/** Whoever is to be told is not there at any moment. */
const NOTIFY_RETRY: Retry = { attempts: 5, base: 1_000, cap: 30_000, on: ['transient'] };

export const notify = z
  .strictObject({
    ...common,
    notify: z.union([
      templateSchema.transform((message) => ({ action: 'notify', message })),
      z.strictObject({ action: templateSchema.default('notify'), message: templateSchema }),
    ]),
  })
  .transform((one): Step => ({ retry: NOTIFY_RETRY, ...commonOf(one), kind: 'notify', ...one.notify }));
