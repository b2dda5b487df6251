import { z } from 'zod';
import { normaliseType, isReserved } from './event-type.js';
import { PROVIDERS } from './webhook-providers.js';
import { patternSchema } from './pattern.js';

/** A dotted path into the payload, as `pull_request.head.sha` or `changes.0.new.name`. */
const pathSchema = z.string().min(1).max(200);
/** The first path at which there is something. */
const pathsSchema = z.union([pathSchema, z.array(pathSchema).min(1)]);

export const fieldSchema = z.union([
  pathsSchema,
  z.strictObject({
    from: pathsSchema,
    /** Only where the text begins with this, and without it: `refs/heads/`. */
    after: z.string().min(1).optional(),
    /** Of each thing in the list: one value, or an object of several. */
    each: z.union([pathsSchema, z.record(z.string(), pathsSchema)]).optional(),
    /** Of a list only the last n. */
    last: z.int().min(1).max(100).optional(),
    /** How many are in the list. */
    count: z.literal(true).optional(),
    /** Characters of a text that are kept; the default is 1000. */
    most: z.int().min(1).max(16_000).optional(),
  }),
  z.strictObject({ value: z.union([z.string(), z.number(), z.boolean()]) }),
]);
/** How one field of an event is read from a payload. */
export type Field = z.output<typeof fieldSchema>;

const typeSchema = z
  .string()
  .transform(normaliseType)
  .refine((type) => /^[A-Z][A-Z0-9_]{0,63}$/.test(type), 'a type is UPPER_SNAKE, as ISSUE_OPENED')
  .refine((type) => !isReserved(type), 'this type is said by the conductor alone');

/** One row of a provider's table: which of its events is told as which of ours. */
export const mappingSchema = z.strictObject({
  /** The provider's own name of the event; `*` is any. */
  on: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).transform((on) => [on].flat()),
  match: z.record(z.string(), patternSchema).optional(),
  /** One event for each thing in this list; its fields stand under `item`. */
  for_each: pathSchema.optional(),
  type: z.union([typeSchema, z.strictObject({ from: pathSchema, prefix: z.string().max(40).default('') })]),
  /** Sent by machinery, as check results are: who is named as its sender did not write it, so no filter of actors is meant. */
  system: z.literal(true).optional(),
  /** Text with `{field}` of data in it, `{a|b}` the first that is there. */
  body: z.string().max(2_000).optional(),
  data: z.record(z.string(), fieldSchema).default({}),
  /** The text that whoever did it wrote: a mark of ours in it says which of our runs that was. */
  written: fieldSchema.optional(),
});
export type Mapping = z.output<typeof mappingSchema>;

export const webhookNameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'a webhook is named as a word of its address: letters, digits, ".", "_", "-"',
  );

const headerSchema = z
  .string()
  .regex(/^[A-Za-z0-9-]{1,100}$/, 'a header name')
  .transform((name) => name.toLowerCase());

export const webhookSchema = z.strictObject({
  /** One file, or two while the secret is exchanged. */
  secret_file: z.union([z.string(), z.array(z.string()).min(1).max(2)]).transform((files) => [files].flat()),
  /** Default: the provider of the webhook's own name. */
  provider: z.enum(PROVIDERS).optional(),
  /** How a generic sender signs the body. */
  signature: z
    .strictObject({
      header: headerSchema,
      algorithm: z.enum(['sha1', 'sha256', 'sha512']).default('sha256'),
      encoding: z.enum(['hex', 'base64']).default('hex'),
      prefix: z.string().max(40).default(''),
    })
    .optional(),
  /** Where a generic sender names the event: a header, else a field of the payload. */
  event: z.strictObject({ header: headerSchema.optional(), field: pathSchema.optional() }).optional(),
  /** Where a generic sender puts the id that tells a repetition. */
  delivery: z.strictObject({ header: headerSchema.optional(), field: pathSchema.optional() }).optional(),
  /** Logins that our agents act under; globs, too. What they do is "self" to a rule's filter of actors. */
  self: z.array(z.string().min(1).max(200)).max(100).default([]),
  /** Rows that are tried before the provider's own. */
  events: z.array(mappingSchema).default([]),
});
export type WebhookOptions = z.output<typeof webhookSchema>;

/** What a sender is told. `ignored`: nothing here answers to it, which is no failure. */
export type WebhookAnswer = { msg_id: string; duplicate: boolean } | { ignored: string } | { challenge: string };
