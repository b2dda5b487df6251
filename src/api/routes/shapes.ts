import { z } from 'zod';
import { idSchema, parentSchema, trustSchema } from '../../core/event.js';

/** A message as the API tells it: what the bus holds, and what could be believed of it. */
export const eventShape = z.strictObject({
  msg_id: z.string(),
  ts: z.string(),
  type: z.string(),
  project_id: z.string(),
  task_id: z.string().optional(),
  run_id: z.string().optional(),
  source: z.string(),
  actor: z.string().optional(),
  parents: z.array(parentSchema),
  depth: z.int(),
  dedupe_key: z.string().optional(),
  data: z.record(z.string(), z.unknown()),
  data_blob: z.string().optional(),
  trust: trustSchema,
  body: z.string(),
  meta: z.record(z.string(), z.string()).optional(),
  links: z.array(z.looseObject({ url: z.string() })).optional(),
  issue_id: z.string().optional(),
  sealed: z.boolean(),
  authentic: z.boolean(),
});

export const receiptShape = z.strictObject({ msg_id: z.string(), duplicate: z.boolean() });

export const runId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'this is no run id');

/** Newest first; `cursor` is `next` of the page before, so that what arrives meanwhile moves nothing. */
export const pageQuery = {
  cursor: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,100}(\.\d{1,9})?$/, 'this is no cursor')
    .optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
};

/** `next` is there while there are more. */
export const pageOf = <Row extends z.ZodType>(name: string, row: Row) =>
  z.strictObject({ [name]: z.array(row), next: z.string().optional() });

export const scopeQuery = { project_id: idSchema.optional(), task_id: idSchema.optional() };

/** A list of words: `a,b` or the parameter more than once. */
export const words = z
  .union([z.string(), z.array(z.string())])
  .transform((given) => [given].flat().flatMap((text) => text.split(',')));

/** What a watcher of messages asks for in its address. */
export const watchQuery = z.strictObject({
  /** As Last-Event-ID, for clients that cannot send it. */
  since: z.string().max(200).optional(),
  type: z.string().max(100).optional(),
  project_id: z.string().max(128).optional(),
  task_id: z.string().max(128).optional(),
  run_id: z.string().max(128).optional(),
  rule: z.string().max(64).optional(),
});
