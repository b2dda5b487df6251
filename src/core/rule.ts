import { z } from 'zod';
import { DURATION, boundedDuration } from './schema-parts.js';
import { normaliseType } from './event-type.js';
import { trustSchema } from './event.js';
import { keySchema, matchSchema } from './pattern.js';

const DAY_MS = 86_400_000;
/** Of what is remembered from event to event. */
const windowSchema = boundedDuration(1, 366 * DAY_MS);

/** A time, and how it is written. */
const lasting = (what: string): string => `${what}; ${DURATION}`;

const typeSchema = z.string().min(1).max(200);
const typesSchema = z
  .union([typeSchema, z.array(typeSchema).min(1)])
  .transform((on) => [on].flat().map((type) => normaliseType(type)));

const partSchema = z.union([
  typeSchema.transform((on) => ({ on: [normaliseType(on)], match: undefined, opens: true })),
  z.strictObject({
    on: typesSchema.describe('a type, several, or a glob'),
    match: matchSchema.optional().describe('what its fields must be'),
    opens: z.boolean().default(true).describe('false: it only completes what another part began'),
  }),
]);
const partsSchema = z
  .array(partSchema)
  .min(1)
  .max(16)
  .refine((parts) => parts.some(({ opens }) => opens), 'one part at least must open');
const togetherSchema = {
  within: windowSchema.describe(lasting('how far apart the first and the last may be, as 15m')),
  by: keySchema.optional().describe('events that agree in these fields belong together, as data.sha'),
};

const onSchema = z.union([
  typesSchema.transform((types) => ({ types, correlate: undefined })),
  z
    .union([
      z.strictObject({ all: partsSchema.describe('starts when each of them came'), ...togetherSchema }),
      z.strictObject({
        any: partsSchema.describe('starts with the first; the others belong to it'),
        ...togetherSchema,
      }),
      z.strictObject({
        not_all: partsSchema.describe("starts when some came, but not all of them in time: the dead man's alarm"),
        ...togetherSchema,
      }),
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
const per = keySchema.optional().describe('each value of these fields has a window of its own, as data.branch');

const expectationSchema = z.union([
  z.enum(['fires', 'no_match', 'held', 'suppressed', 'error']).describe('what comes of the last event'),
  z.strictObject({
    fires: z
      .union([z.boolean(), z.int().min(0)])
      .optional()
      .describe('whether it starts its handler, or how often'),
    because: z.string().optional().describe('part of the reason that "conductor rules explain" gives'),
  }),
]);

const givenSchema = z.union([
  z.string().min(1).describe('a file of JSON, relative to this one: an event or a list of them'),
  z.record(z.string(), z.unknown()).describe('fields of an event; its type is that of the rule where it says none'),
  z
    .array(z.record(z.string(), z.unknown()))
    .min(1)
    .max(1_000)
    .describe('events one after the other; "after" is the time of one after the first, as 30s'),
]);

/** An example in the rule file. */
export const ruleTestSchema = z.strictObject({
  name: z.string().optional().describe('what it shows'),
  given: givenSchema.describe('what happens'),
  expect: expectationSchema.describe('what must come of it'),
});
export type RuleTest = z.output<typeof ruleTestSchema>;

/** A day, or a moment with its zone: no date means another in another place. */
const DATE = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/;
const isDay = (text: string): boolean => {
  const time = Date.parse(text);
  return Number.isFinite(time) && new Date(time).toISOString().startsWith(text);
};

// The pattern is for editors; what is wrong is said below.
const dateSchema = z
  .string()
  .meta({ pattern: DATE.source })
  .transform((value, context) => {
    const time = Date.parse(value);
    if (DATE.test(value) && isDay(value.slice(0, 10)) && Number.isFinite(time)) return time;
    context.addIssue({ code: 'custom', message: `"${value}" is no date; write 2027-01-01` });
    return z.NEVER;
  });

const shape = {
  id: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'an id holds letters, digits, "_" and "-" (64 at most)')
    .describe('its own name; windows, budgets and counts belong to it'),
  description: z.string().optional().describe('for people'),
  on: onSchema.describe(
    'which events: a type, a list, a glob (a reserved type only by its own name), or all | any | not_all of several within a time',
  ),
  match: matchSchema
    .optional()
    .describe('each field must fit: a value or glob, one of a list, or operators that must all hold'),
  when: z
    .string()
    .min(1)
    .max(4_096)
    .optional()
    .describe('CEL over event; numbers of events are doubles (3.0), re(text, "pattern") is linear in time'),
  do: z.string().min(1).describe('a handler of handlers/'),
  with: z.record(z.string(), z.unknown()).optional().describe('parameters of the handler'),
  throttle: z
    .strictObject({
      first: count.max(1_000).default(1).describe('so many start'),
      per,
      within: windowSchema.describe(lasting('in any time as long as this')),
    })
    .optional()
    .describe('at most "first" starts in any "within"; what comes too soon is dropped'),
  debounce: z
    .strictObject({
      quiet: windowSchema.describe(lasting('so long nothing may come')),
      max_wait: windowSchema.optional().describe(lasting('it starts at the latest so long after the first')),
      per,
    })
    .optional()
    .describe('waits for quiet, then starts once, with the last event'),
  threshold: z
    .strictObject({
      at_least: count.max(100).describe('so many must come'),
      within: windowSchema.describe(lasting('in a time as long as this')),
      per,
    })
    .optional()
    .describe('starts when "at_least" came "within" that time, then counts anew'),
  sustained: z
    .strictObject({ for: windowSchema.describe(lasting('so long it must be so')), per })
    .optional()
    .describe('starts when the rule matched for so long, without an event of "on" between that did not match'),
  concurrency: z
    .strictObject({
      key: keySchema.optional().describe('what is at work for one value of these fields counts together'),
      limit: count.max(1_000).default(1).describe('so many at a time'),
      on_conflict: z
        .enum(['queue', 'skip', 'supersede'])
        .default('queue')
        .describe('one more waits, is dropped, or takes the place of the older ones'),
      group: z.string().min(1).max(64).optional().describe('counts together with other rules of this group'),
    })
    .optional()
    .describe('how many may be at work at a time'),
  priority: z.int().min(0).max(100).default(50).describe('the higher, the sooner, where several wait for one key'),
  actor: z
    .strictObject({
      not: z.array(z.string().min(1)).max(100).describe('self (our own runs), bots, or logins and globs; [] is nobody'),
    })
    .optional()
    .describe('whose events start nothing; for events from outside the default is { not: [self, bots] }'),
  breaker: z
    .union([
      z.literal(false).describe('none'),
      z.strictObject({
        fires: count.max(1_000).default(30).describe('after so many starts for one key'),
        within: windowSchema.default(3_600_000).describe(lasting('within this time it opens, for as long')),
        per,
      }),
    ])
    .optional()
    .describe('ends loops through the world outside; there is a default for events straight from outside'),
  max_age: boundedDuration(1_000, 36_525 * DAY_MS)
    .default(86_400_000)
    .describe(lasting('older events start nothing, so that a week off does not start a thousand agents')),
  trust: trustSchema
    .optional()
    .describe('full gives runs that webhooks cause what they need to write; without it they are read-only'),
  budget: z
    .strictObject({
      per: keySchema
        .optional()
        .describe('each value of these fields has its own runs and dollars a day, as data.repository'),
      runs_per_day: count.optional().describe('days are UTC'),
      usd_per_run: z.number().positive().optional().describe('a run that spends more is ended'),
      usd_per_day: z.number().positive().optional().describe('days are UTC; what is spent already counts'),
    })
    .optional()
    .describe('what it may use up'),
  expires: dateSchema.optional().describe('from this day on it starts nothing, as 2027-01-01'),
  max_fires: count.optional().describe('so often it starts in all'),
  backstop: z.boolean().default(false).describe('asked only where no other rule matched'),
  stop: z.boolean().default(false).describe('no later rule sees an event that it matched'),
  enabled: z.boolean().default(true).describe('"conductor rules enable | disable" is stronger'),
  tests: z.array(ruleTestSchema).max(100).optional().describe('examples; "conductor rules test" runs them'),
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
  'opens',
  ...['key', 'limit', 'on_conflict', 'group', 'not', 'fires', 'runs_per_day', 'usd_per_run', 'usd_per_day', 'name'],
  ...['given', 'expect', 'because', 'exists', 'prefix', 'glob', 'lt', 'lte', 'gt', 'gte'],
];

export const ruleFileSchema = z.strictObject({
  version: z.literal(1).optional().describe('of this format'),
  rules: z.array(ruleSchema).min(1).describe('asked in this order'),
});

/** The checked table in force, with the hash of all its files. */
export interface RuleTable {
  hash: string;
  rules: readonly Rule[];
}
