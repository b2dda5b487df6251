import { z } from 'zod';
import { durationSchema } from './schema-parts.js';
import { normaliseType } from './event-type.js';
import { trustSchema } from './event.js';

const scalarSchema = z.union([z.string(), z.number(), z.boolean(), z.null()]);

/** What one field must be: a value or glob, one of a list, or an operator. */
export const patternSchema = z.union([
  scalarSchema,
  z.array(scalarSchema).min(1),
  z.strictObject({
    not: z.union([scalarSchema, z.array(scalarSchema).min(1)]).optional(),
    exists: z.boolean().optional(),
    prefix: z.string().optional(),
    glob: z.string().optional(),
    lt: z.number().optional(),
    lte: z.number().optional(),
    gt: z.number().optional(),
    gte: z.number().optional(),
  }),
]);
export type Pattern = z.infer<typeof patternSchema>;

export const ruleSchema = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'an id holds letters, digits, "_" and "-" (64 at most)'),
  description: z.string().optional(),
  /** A type, several, or a glob over types; `*` is every type that is not reserved. */
  on: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .transform((on) => [on].flat().map((type) => normaliseType(type))),
  match: z.record(z.string(), patternSchema).optional(),
  /** CEL over `event`. */
  when: z.string().min(1).optional(),
  do: z.string().min(1),
  with: z.record(z.string(), z.unknown()).optional(),
  throttle: z
    .strictObject({ first: z.int().min(1).default(1), per: z.string().optional(), within: durationSchema })
    .optional(),
  max_age: durationSchema.default(86_400_000),
  trust: trustSchema.optional(),
  backstop: z.boolean().default(false),
  stop: z.boolean().default(false),
  enabled: z.boolean().default(true),
});
export type Rule = z.output<typeof ruleSchema>;

export const ruleFileSchema = z.strictObject({ rules: z.array(ruleSchema).min(1) });

/** The checked table in force, with the hash of all its files. */
export interface RuleTable {
  hash: string;
  rules: readonly Rule[];
}
