import { z } from 'zod';
import type { Items, Retry, Step, WaitFor } from '../../core/handler.js';
import { normaliseType } from '../../core/event-type.js';
import { patternSchema } from '../../core/pattern.js';
import { durationSchema } from '../../core/schema-parts.js';
import { celSchema, common, commonOf, DEFAULT_PROMPT, outputSchema, templateSchema, templatesSchema } from './parts.js';

/** Reads a file that a handler names. @throws when it cannot be read. */
export type Reader = (file: string) => string;
/** A step as it is written: in a file, keys that only reading checks; in TypeScript, what a function made. */
export type StepInput = Step | { readonly step: Step };
export type StepSchema = z.ZodType<Step, StepInput>;

const fileSchema = (read: Reader) =>
  z.string().transform((file, context) => {
    try {
      return read(file);
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
      return z.NEVER;
    }
  });

const resultSchema = z
  .strictObject({ text: templateSchema.optional(), data: celSchema.optional() })
  .transform(({ text, data }) => ({
    ...(text === undefined ? {} : { text }),
    ...(data === undefined ? {} : { data }),
  }));

const width = z.int().min(1).max(1_000).default(16);

const agentKinds = (read: Reader) => {
  const file = fileSchema(read);
  const process = {
    ...common,
    output: outputSchema,
    cwd: templateSchema.optional(),
    env: z.record(z.string().regex(/^[A-Z_][A-Z0-9_]*$/, 'a variable is UPPER_SNAKE'), templateSchema).default({}),
  };
  const processOf = (step: z.output<z.ZodObject<typeof process>>) => ({
    ...commonOf(step),
    output: step.output,
    env: step.env,
    ...(step.cwd === undefined ? {} : { cwd: step.cwd }),
  });
  const shell = z
    .strictObject({ ...process, shell: z.string().min(1).optional(), script: file.optional() })
    .refine((step) => (step.shell === undefined) !== (step.script === undefined), 'give either "shell" or "script"')
    .transform((step): Step => ({ ...processOf(step), kind: 'shell', script: step.script ?? step.shell ?? '' }));
  const agent = z
    .strictObject({
      ...process,
      agent: z.union([templateSchema, z.array(templateSchema).min(1)]),
      prompt: templateSchema.optional(),
      prompt_file: file.pipe(templateSchema).optional(),
      fallback_script: file.optional(),
    })
    .refine(
      (step) => step.prompt === undefined || step.prompt_file === undefined,
      'give either "prompt" or "prompt_file"',
    )
    .transform((step): Step => ({
      ...processOf(step),
      kind: 'agent',
      agents: [step.agent].flat(),
      prompt: step.prompt_file ?? step.prompt ?? DEFAULT_PROMPT,
      ...(step.fallback_script === undefined ? {} : { fallback_script: step.fallback_script }),
    }));
  return { agent, shell, script: shell };
};

const groupKinds = (step: StepSchema) => {
  const steps = z.array(step).min(1);
  const sequence = z
    .strictObject({
      ...common,
      sequence: z.union([
        steps.transform((list) => ({ steps: list, result: undefined })),
        z.strictObject({ steps, result: resultSchema.optional() }),
      ]),
    })
    .transform((one): Step => ({
      ...commonOf(one),
      kind: 'sequence',
      steps: one.sequence.steps,
      ...(one.sequence.result ? { result: one.sequence.result } : {}),
    }));
  const parallelShape = z.strictObject({
    max_concurrent: width,
    fail_fast: z.boolean().default(false),
    at_least: z.int().min(0).optional(),
    steps,
    result: resultSchema.optional(),
  });
  const parallel = z
    .strictObject({
      ...common,
      parallel: z.union([
        steps.transform((list) => ({
          max_concurrent: 16,
          fail_fast: false,
          at_least: undefined,
          steps: list,
          result: undefined,
        })),
        parallelShape,
      ]),
    })
    .transform((one): Step => ({
      ...commonOf(one),
      kind: 'parallel',
      max_concurrent: one.parallel.max_concurrent,
      fail_fast: one.parallel.fail_fast,
      ...(one.parallel.at_least === undefined ? {} : { at_least: one.parallel.at_least }),
      steps: one.parallel.steps,
      ...(one.parallel.result ? { result: one.parallel.result } : {}),
    }));
  const branch = z
    .strictObject({
      ...common,
      branch: z
        .array(
          z.union([z.strictObject({ when: celSchema, steps: z.array(step) }), z.strictObject({ else: z.array(step) })]),
        )
        .min(1),
    })
    .refine(
      (one) => one.branch.every((part, index) => 'when' in part || index === one.branch.length - 1),
      '"else" is the last of a branch',
    )
    .transform((one): Step => ({
      ...commonOf(one),
      kind: 'branch',
      cases: one.branch.filter((part) => 'when' in part),
      else: one.branch.flatMap((part) => ('else' in part ? part.else : [])),
    }));
  const repeat = z
    .strictObject({
      ...common,
      repeat: z.strictObject({
        until: celSchema,
        max: z.int().min(1).max(1_000).default(5),
        stop_when: celSchema.optional(),
        on_max: z.enum(['fail', 'continue']).default('fail'),
        delay: durationSchema.default(0),
        steps,
        result: resultSchema.optional(),
      }),
    })
    .transform(({ repeat: { stop_when, result, ...rest }, ...one }): Step => ({
      ...commonOf(one),
      kind: 'repeat',
      ...rest,
      ...(stop_when === undefined ? {} : { stop_when }),
      ...(result ? { result } : {}),
    }));
  const attempt = z
    .strictObject({ ...common, attempt: z.strictObject({ try: steps, compensate: z.array(step).default([]) }) })
    .transform((one): Step => ({ ...commonOf(one), kind: 'attempt', ...one.attempt }));
  const map = z.strictObject({ ...common, map: mapShape(step) }).transform(({ map: given, ...one }): Step => {
    const split = splitOf(given);
    const each: Step = { ...commonOf(split ? {} : one), kind: 'map', ...mapOf(given) };
    return split ? { ...commonOf(one), kind: 'sequence', scoped: true, steps: [split, each] } : each;
  });
  return { sequence, parallel, map, branch, repeat, attempt };
};

/** What a map goes over, and what it does with each. */
export const mapShape = (step: StepSchema) =>
  z
    .strictObject({
      /** A list, or CEL that gives one. */
      items: z.union([celSchema, z.array(templatesSchema)]).optional(),
      glob: z.union([templateSchema, z.array(templateSchema).min(1)]).optional(),
      /** A command whose lines are the items. */
      split: z.string().min(1).optional(),
      cwd: templateSchema.optional(),
      max_concurrent: width,
      fail_fast: z.boolean().default(false),
      at_least: z.int().min(0).optional(),
      steps: z.array(step).min(1),
      result: resultSchema.optional(),
    })
    .refine(
      (map) => [map.items, map.glob, map.split].filter((one) => one !== undefined).length === 1,
      'give one of "items", "glob" and "split"',
    );

/** The step whose lines a map goes over. */
export const splitOf = (map: z.output<ReturnType<typeof mapShape>>): Step | undefined =>
  map.split === undefined
    ? undefined
    : { kind: 'shell', id: 'split', on_error: 'fail', output: 'lines', env: {}, script: map.split };

export const mapOf = (map: z.output<ReturnType<typeof mapShape>>) => {
  const items: Items =
    map.split !== undefined
      ? { from: 'steps.split.data' }
      : map.glob !== undefined
        ? { glob: [map.glob].flat(), ...(map.cwd === undefined ? {} : { cwd: map.cwd }) }
        : typeof map.items === 'string'
          ? { from: map.items }
          : { list: map.items ?? [] };
  return {
    items,
    max_concurrent: map.max_concurrent,
    fail_fast: map.fail_fast,
    steps: map.steps,
    ...(map.at_least === undefined ? {} : { at_least: map.at_least }),
    ...(map.result ? { result: map.result } : {}),
  };
};

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

const nameSchema = z.string().min(1);
/** Whoever is to be told is not there at any moment. */
const NOTIFY_RETRY: Retry = { attempts: 5, base: 1_000, cap: 30_000, on: ['transient'] };

const otherKinds = () => {
  const wait = z
    .strictObject({ ...common, wait: waitSchema, on_timeout: z.enum(['fail', 'continue']).default('fail') })
    .transform((one): Step => ({ ...commonOf(one), kind: 'wait', for: one.wait, on_timeout: one.on_timeout }));
  const call = z
    .strictObject({
      ...common,
      call: z.union([
        nameSchema.transform((handler) => ({ handler, with: {} })),
        z.strictObject({ handler: templateSchema, with: z.record(z.string(), templatesSchema).default({}) }),
      ]),
    })
    .transform((one): Step => ({ ...commonOf(one), kind: 'call', ...one.call }));
  const emit = z
    .strictObject({
      ...common,
      emit: z.union([
        nameSchema.transform((type) => ({ type, body: undefined, data: undefined, data_from: undefined })),
        z.strictObject({
          type: templateSchema,
          body: templateSchema.optional(),
          data: z.record(z.string(), templatesSchema).optional(),
          /** The id of a step whose data are merged over `data`: values keep their types. */
          data_from: z.string().optional(),
        }),
      ]),
    })
    .transform(({ emit: { type, body, data, data_from }, ...one }): Step => ({
      ...commonOf(one),
      kind: 'emit',
      type,
      ...(body === undefined ? {} : { body }),
      ...(data === undefined ? {} : { data }),
      ...(data_from === undefined ? {} : { data_from }),
    }));
  const http = z
    .strictObject({
      ...common,
      output: z.enum(['text', 'json']).default('text'),
      http: z.union([
        templateSchema.transform((url) => ({ url, method: 'GET', headers: {}, body: undefined })),
        z.strictObject({
          url: templateSchema,
          method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD']).default('GET'),
          headers: z.record(z.string(), templateSchema).default({}),
          body: templatesSchema.optional(),
        }),
      ]),
    })
    .transform(({ http: { body, ...request }, output, ...one }): Step => ({
      ...commonOf(one),
      kind: 'http',
      ...request,
      output,
      ...(body === undefined ? {} : { body }),
    }));
  const notify = z
    .strictObject({
      ...common,
      notify: z.union([
        templateSchema.transform((message) => ({ action: 'notify', message })),
        z.strictObject({ action: templateSchema.default('notify'), message: templateSchema }),
      ]),
    })
    .transform((one): Step => ({ retry: NOTIFY_RETRY, ...commonOf(one), kind: 'notify', ...one.notify }));
  const code = z
    .strictObject({
      ...common,
      code: z.custom<(variables: object) => unknown>(
        (value) => typeof value === 'function',
        'code is a function of a TypeScript handler',
      ),
    })
    .transform((one): Step => ({ ...commonOf(one), kind: 'code', run: one.code }));
  return { wait, call, emit, http, notify, code };
};

/** The steps of the kernel as they are written, by the key that names them. */
export const kernelKinds = (step: StepSchema, read: Reader): Record<string, z.ZodType<Step>> => ({
  ...agentKinds(read),
  ...groupKinds(step),
  ...otherKinds(),
});
