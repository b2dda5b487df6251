import { z } from 'zod';
import type { Step, WaitFor } from '../../../core/handler.js';
import { normaliseType } from '../../../core/event-type.js';
import { patternSchema } from '../../../core/pattern.js';
import { durationSchema } from '../../../core/schema-parts.js';
import { celSchema, common, commonOf, templateSchema } from '../parts.js';

const typesSchema = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
  .transform((types) => [types].flat().map(normaliseType));

const waitSchema = z
  .union([
    durationSchema.transform((ms) => ({ for: ms })),
    z.strictObject({ for: durationSchema }),
    z.strictObject({ until: templateSchema }),
    z.strictObject({
      event: typesSchema,
      match: z.record(z.string(), patternSchema).default({}),
      when: celSchema.optional(),
      since: z.string().optional(),
    }),
    z.strictObject({ approval: templateSchema, default: z.enum(['approve', 'reject']).optional() }),
    z.strictObject({ barrier: z.string().min(1), parties: z.int().min(1) }),
  ])
  .transform((wait): WaitFor => {
    if ('for' in wait) return { kind: 'timer', ms: wait.for };
    if ('until' in wait) return { kind: 'moment', at: wait.until };
    if ('barrier' in wait) return { kind: 'barrier', name: wait.barrier, parties: wait.parties };
    if ('approval' in wait)
      return { kind: 'approval', question: wait.approval, ...(wait.default ? { default: wait.default } : {}) };
    return {
      kind: 'event',
      types: wait.event,
      match: wait.match,
      ...(wait.when === undefined ? {} : { when: wait.when }),
      ...(wait.since === undefined ? {} : { since: wait.since }),
    };
  });

export const wait = z
  .strictObject({ ...common, wait: waitSchema, on_timeout: z.enum(['fail', 'continue']).default('fail') })
  .transform((one): Step => ({ ...commonOf(one), kind: 'wait', for: one.wait, on_timeout: one.on_timeout }));
