import { z } from 'zod';
import { compileExpression } from '../../core/condition.js';
import type { Cache, Common, OutputForm, Retry } from '../../core/handler.js';
import { durationSchema } from '../../core/schema-parts.js';
import { compileSchema } from '../output.js';
import { VARIABLE_NAMES } from '../scope.js';
import { checkTemplate, namesIn } from '../template.js';

const messageOf = (error: unknown): string => (error instanceof Error ? error.message.split('\n')[0]! : String(error));

/** A CEL expression over the variables of a step. */
export const celSchema = z
  .string()
  .min(1)
  .superRefine((expression, context) => {
    try {
      compileExpression(expression, VARIABLE_NAMES);
    } catch (error) {
      context.addIssue({ code: 'custom', message: messageOf(error) });
    }
  });

/** A Liquid template over the variables of a step. */
export const templateSchema = z.string().superRefine((template, context) => {
  try {
    checkTemplate(template);
    const unknown = namesIn(template).find(([root]) => !(VARIABLE_NAMES as readonly unknown[]).includes(root));
    if (unknown)
      context.addIssue({
        code: 'custom',
        message: `"${unknown.join('.')}" is not known; a template may speak of ${VARIABLE_NAMES.join(', ')}`,
      });
  } catch (error) {
    context.addIssue({ code: 'custom', message: messageOf(error) });
  }
});

/** Any value; the strings in it are templates. */
export const templatesSchema: z.ZodType<unknown> = z.lazy(() =>
  z.union([
    templateSchema,
    z.number(),
    z.boolean(),
    z.null(),
    z.array(templatesSchema),
    z.record(z.string(), templatesSchema),
  ]),
);

const classSchema = z.enum(['transient', 'permanent', 'configuration']);
const retryShape = z.strictObject({
  attempts: z.int().min(1).max(100).default(5),
  base: durationSchema.default(1_000),
  cap: durationSchema.default(30_000),
  on: z.union([classSchema, z.array(classSchema).min(1)]).default('transient'),
});

const asRetry = ({ on, ...rest }: z.output<typeof retryShape>): Retry => ({ ...rest, on: [on].flat() });

/** `retry: 3` is three attempts; without more said, five from one second on, doubling. */
export const retrySchema = z.union([
  z
    .int()
    .min(1)
    .max(100)
    .transform((attempts) => asRetry(retryShape.parse({ attempts }))),
  z.literal(true).transform(() => asRetry(retryShape.parse({}))),
  retryShape.transform(asRetry),
]);

const oneOrMore = <Schema extends z.ZodType>(schema: Schema) =>
  z.union([schema, z.array(schema).min(1)]).transform((given) => [given].flat() as z.output<Schema>[]);

export const cacheSchema = z
  .union([
    z.literal(true).transform(() => ({ key: [], files: [] })),
    z.strictObject({
      key: oneOrMore(templateSchema).default([]),
      files: oneOrMore(z.string().min(1)).default([]),
      ttl: durationSchema.optional(),
    }),
  ])
  .transform((given): Cache => given);

/** What every step takes. */
export const common = {
  id: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, 'a step id is a word of letters, digits and "_"')
    .optional(),
  name: z.string().min(1).max(200).optional(),
  when: celSchema.optional(),
  timeout: durationSchema.optional(),
  retry: retrySchema.optional(),
  cache: cacheSchema.optional(),
  isolate: z.literal('worktree').optional(),
  on_error: z.enum(['fail', 'continue']).default('fail'),
};
export const COMMON_KEYS = Object.keys(common) as (keyof typeof common)[];

/** The common keys of a parsed step, without those that are not set. */
export const commonOf = (step: Partial<Common>): Common => {
  const found: Record<string, unknown> = { on_error: step.on_error ?? 'fail' };
  for (const key of COMMON_KEYS) if (step[key] !== undefined) found[key] = step[key];
  return found as unknown as Common;
};

const jsonSchema = z.record(z.string(), z.unknown()).superRefine((schema, context) => {
  try {
    compileSchema(schema);
  } catch (error) {
    context.addIssue({ code: 'custom', message: `no JSON Schema: ${messageOf(error)}` });
  }
});

export const outputSchema = z
  .union([
    z.enum(['text', 'json', 'lines']),
    z.strictObject({ schema: jsonSchema, asks: z.int().min(0).max(10).default(2) }),
  ])
  .default('text')
  .transform((form): OutputForm => form);

/** A handler or step that says nothing about its prompt is asked what the event asks. */
export const DEFAULT_PROMPT = `Your task:
{{ event.body | fence }}
{{ event.data | json | fence }}`;
