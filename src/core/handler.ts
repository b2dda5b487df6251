import { z } from 'zod';
import { durationSchema } from './schema-parts.js';

const retrySchema = z.strictObject({
  attempts: z.int().min(1).max(100).default(5),
  base: durationSchema.default(1_000),
  cap: durationSchema.default(30_000),
});

const common = {
  id: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, 'a step id is a word of letters, digits and "_"')
    .optional(),
  /** CEL over `event`, `steps` and `with`; false skips the step. */
  when: z.string().min(1).optional(),
  timeout: durationSchema.optional(),
  retry: retrySchema.optional(),
  /** `continue`: the step's failure is a result that later steps may look at. */
  on_error: z.enum(['fail', 'continue']).default('fail'),
};

const processStep = {
  ...common,
  /** `json`: the output must be JSON, and is `steps.<id>.data`. */
  output: z.enum(['text', 'json']).default('text'),
  /** A template of a folder; default: the folder the event names, where it is trusted, else the service's. */
  cwd: z.string().optional(),
};

export const agentStepSchema = z.strictObject({
  ...processStep,
  /** A backend or a named agent, or several: the first that can run here. */
  agent: z.union([z.string(), z.array(z.string()).min(1)]),
  prompt: z.string().optional(),
  /** Relative to the handler's file. */
  prompt_file: z.string().optional(),
  /** Run instead by the `shell` agent when no other agent was found; relative to the handler's file. */
  fallback_script: z.string().optional(),
});

/** A script: text, or a file beside the handler. Event data reaches it in the environment and on stdin only. */
export const shellStepSchema = z.strictObject({
  ...processStep,
  shell: z.string().optional(),
  script: z.string().optional(),
});

export const emitStepSchema = z.strictObject({
  ...common,
  emit: z.strictObject({
    type: z.string(),
    body: z.string().optional(),
    data: z.record(z.string(), z.unknown()).optional(),
    /** CEL giving a map that is merged over `data`: values keep their types. */
    data_from: z.string().optional(),
  }),
});

export interface SequenceStep extends Common {
  sequence: Step[];
}
export interface ParallelStep extends Common {
  parallel: { max_concurrent: number; steps: Step[] };
}
/** Does `try`; when it fails, does `compensate` and fails all the same. */
export interface AttemptStep extends Common {
  attempt: { try: Step[]; compensate: Step[] };
}
type Common = z.output<z.ZodObject<typeof common>>;
export type AgentStep = z.output<typeof agentStepSchema>;
export type ShellStep = z.output<typeof shellStepSchema>;
export type EmitStep = z.output<typeof emitStepSchema>;
export type Step = AgentStep | ShellStep | EmitStep | SequenceStep | ParallelStep | AttemptStep;

const KINDS = {
  agent: agentStepSchema,
  shell: shellStepSchema,
  script: shellStepSchema,
  emit: emitStepSchema,
  sequence: z.strictObject({ ...common, sequence: z.lazy(() => z.array(stepSchema).min(1)) }),
  parallel: z.strictObject({
    ...common,
    parallel: z.strictObject({
      max_concurrent: z.int().min(1).max(1_000).default(16),
      steps: z.lazy(() => z.array(stepSchema).min(1)),
    }),
  }),
  attempt: z.strictObject({
    ...common,
    attempt: z.strictObject({
      try: z.lazy(() => z.array(stepSchema).min(1)),
      compensate: z.lazy(() => z.array(stepSchema)).default([]),
    }),
  }),
} as const;

/** Chosen by the key that names the step's kind, so that an error speaks of that kind alone. */
export const stepSchema: z.ZodType<Step> = z.unknown().transform((value, context) => {
  const keys = value !== null && typeof value === 'object' ? Object.keys(value) : [];
  const kind = (Object.keys(KINDS) as (keyof typeof KINDS)[]).find((name) => keys.includes(name));
  if (!kind) {
    context.addIssue({ code: 'custom', message: `a step has one of: ${Object.keys(KINDS).join(', ')}` });
    return z.NEVER;
  }
  const result = (KINDS[kind] as z.ZodType).safeParse(value);
  if (result.success) return result.data as Step;
  for (const issue of result.error.issues) context.addIssue({ ...issue });
  return z.NEVER;
});

export const handlerFileSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'a handler name is lower-case letters, digits and "-"'),
  description: z.string().optional(),
  steps: z.array(stepSchema).min(1),
});

export interface Handler {
  name: string;
  description?: string;
  steps: readonly Step[];
  /** Of the file's text. */
  hash: string;
  /** Absolute. */
  file: string;
}
