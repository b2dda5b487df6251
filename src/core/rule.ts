import { z } from 'zod';
import { durationSchema } from './schema-parts.js';
import { normaliseType } from './event-type.js';
import { trustSchema } from './event.js';
import { keySchema, matchSchema } from './pattern.js';

const typeSchema = z.string().min(1).max(200);
const typesSchema = z
  .union([typeSchema, z.array(typeSchema).min(1)])
  .transform((on) => [on].flat().map((type) => normaliseType(type)));

const partSchema = z.union([
  typeSchema.transform((on) => ({ on: [normaliseType(on)], match: undefined })),
  z.strictObject({ on: typesSchema, match: matchSchema.optional() }),
]);
const partsSchema = z.array(partSchema).min(1).max(16);
const togetherSchema = { within: durationSchema, by: keySchema.optional() };

/** A type, several, or a glob; or events that belong together: `all` came, `any` came first, or `not_all` came in time. */
const onSchema = z.union([
  typesSchema.transform((types) => ({ types, correlate: undefined })),
  z
    .union([
      z.strictObject({ all: partsSchema, ...togetherSchema }),
      z.strictObject({ any: partsSchema, ...togetherSchema }),
      z.strictObject({ not_all: partsSchema, ...togetherSchema }),
    ])
    .transform((on) => {
      const mode = 'all' in on ? ('all' as const) : 'any' in on ? ('any' as const) : ('not_all' as const);
      const of = 'all' in on ? on.all : 'any' in on ? on.any : on.not_all;
      return {
        types: [...new Set(of.flatMap((part) => part.on))],
        correlate: { mode, of, within: on.within, by: on.by },
      };
    }),
]);

const count = z.int().min(1);
const per = keySchema.optional();

const expectationSchema = z.union([
  z.enum(['fires', 'no_match', 'held', 'suppressed', 'error']),
  z.strictObject({
    /** Whether, or how often. */
    fires: z.union([z.boolean(), z.int().min(0)]).optional(),
    /** Part of the reason that `rules explain` gives. */
    because: z.string().optional(),
  }),
]);

const givenSchema = z.union([
  z.string().min(1).describe('a file of JSON, relative to this one: an event or a list of them'),
  z.record(z.string(), z.unknown()),
  z.array(z.record(z.string(), z.unknown())).min(1).max(1_000),
]);

/** An example in the rule file. `after` of an event in a list is its time after the first. */
export const ruleTestSchema = z.strictObject({
  name: z.string().optional(),
  given: givenSchema,
  expect: expectationSchema,
});
export type RuleTest = z.output<typeof ruleTestSchema>;

const dateSchema = z.union([z.string(), z.date()]).transform((value, context) => {
  const time = value instanceof Date ? value.getTime() : Date.parse(value);
  if (Number.isFinite(time)) return time;
  context.addIssue({ code: 'custom', message: `"${String(value)}" is no date; write 2027-01-01` });
  return z.NEVER;
});

const shape = {
  id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'an id holds letters, digits, "_" and "-" (64 at most)'),
  description: z.string().optional(),
  on: onSchema,
  match: matchSchema.optional(),
  /** CEL over `event`. */
  when: z.string().min(1).max(4_096).optional(),
  do: z.string().min(1),
  with: z.record(z.string(), z.unknown()).optional(),
  /** At most `first` starts in any `within`; the rest is suppressed. */
  throttle: z.strictObject({ first: count.max(1_000).default(1), per, within: durationSchema }).optional(),
  /** Waits until it was quiet for `quiet`, at most `max_wait` after the first; starts once, with the last event. */
  debounce: z.strictObject({ quiet: durationSchema, max_wait: durationSchema.optional(), per }).optional(),
  /** Starts when `at_least` events came within `within`, then counts anew. */
  threshold: z.strictObject({ at_least: count.max(100), within: durationSchema, per }).optional(),
  /** Starts when the rule matched for `for`, without an event of `on` between that did not match. */
  sustained: z.strictObject({ for: durationSchema, per }).optional(),
  /** At most `limit` activations of one key at a time. `group`: shared with other rules. */
  concurrency: z
    .strictObject({
      key: keySchema.optional(),
      limit: count.max(1_000).default(1),
      on_conflict: z.enum(['queue', 'skip', 'supersede']).default('queue'),
      group: z.string().min(1).max(64).optional(),
    })
    .optional(),
  /** The higher, the sooner, where several wait. */
  priority: z.int().min(0).max(100).default(50),
  /** `self`, `bots`, or names and globs of actors. */
  actor: z.strictObject({ not: z.array(z.string().min(1)).max(100) }).optional(),
  /** Ends loops through the world outside; `false`: none. */
  breaker: z
    .union([
      z.literal(false),
      z.strictObject({ fires: count.max(1_000).default(30), within: durationSchema.default(3_600_000), per }),
    ])
    .optional(),
  max_age: durationSchema.default(86_400_000),
  trust: trustSchema.optional(),
  budget: z
    .strictObject({
      runs_per_day: count.optional(),
      usd_per_run: z.number().positive().optional(),
      usd_per_day: z.number().positive().optional(),
    })
    .optional(),
  expires: dateSchema.optional(),
  max_fires: count.optional(),
  backstop: z.boolean().default(false),
  stop: z.boolean().default(false),
  enabled: z.boolean().default(true),
  tests: z.array(ruleTestSchema).max(100).optional(),
};

export const RULE_KEYS = Object.keys(shape);

export const ruleSchema = z
  .strictObject(shape)
  .transform(({ on, ...rest }) => ({ ...rest, on: on.types, correlate: on.correlate }))
  .superRefine((rule, context) => {
    const wait = rule.debounce?.max_wait;
    if (wait !== undefined && wait < rule.debounce!.quiet)
      context.addIssue({ code: 'custom', path: ['debounce', 'max_wait'], message: 'max_wait is shorter than quiet' });
  });
export type Rule = z.output<typeof ruleSchema>;

/** Keys of a rule and of all that stands below it, for "did you mean". */
export const KNOWN_KEYS = [
  ...RULE_KEYS,
  ...[
    'rules',
    'version',
    'all',
    'any',
    'not_all',
    'within',
    'by',
    'first',
    'per',
    'quiet',
    'max_wait',
    'at_least',
    'for',
  ],
  ...['key', 'limit', 'on_conflict', 'group', 'not', 'fires', 'runs_per_day', 'usd_per_run', 'usd_per_day', 'name'],
  ...['given', 'expect', 'because', 'exists', 'prefix', 'glob', 'lt', 'lte', 'gt', 'gte'],
];

export const ruleFileSchema = z.strictObject({
  version: z.literal(1).optional(),
  rules: z.array(ruleSchema).min(1),
});

/** The checked table in force, with the hash of all its files. */
export interface RuleTable {
  hash: string;
  rules: readonly Rule[];
}
