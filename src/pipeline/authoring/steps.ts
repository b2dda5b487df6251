import { isAbsolute } from 'node:path';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ConductorError } from '../../core/errors.js';
import type { JsonSchema, Step } from '../../core/handler.js';
import { getPath } from '../../core/match.js';
import type { StepInput } from '../syntax/schema.js';
import { createStepSchema } from '../syntax/step.js';
import { isRef, refTo, type Ref, type Refs, type ValueOf } from './refs.js';

/** A step, and refs to what it will give. */
export interface Built<Data = Record<string, unknown>> {
  readonly step: Step;
  readonly ok: Ref<boolean>;
  readonly output: Ref<string>;
  readonly error: Ref<string>;
  readonly run_id: Ref<string>;
  readonly data: Refs<Data>;
}
export type AnyStep = StepInput;

/** What a step gave, as later steps see it. */
export interface Given<Data> {
  ok: boolean;
  status: 'completed' | 'failed' | 'skipped';
  output: string;
  stderr: string;
  error: string;
  exit: number;
  run_id: string;
  cached: string;
  attempts: number;
  data: Data;
}
type DataIn<One> = One extends Built<infer Data> ? Data : Record<string, unknown>;
type LastOf<Steps> = Steps extends readonly [...unknown[], infer Last]
  ? Last
  : Steps extends readonly (infer One)[]
    ? One
    : Steps;

/** What every step takes. Durations are seconds or `5m`. */
export interface Common {
  id?: string;
  name?: string;
  /** CEL; see `cel`. */
  when?: string;
  timeout?: string | number;
  retry?: number | true | { attempts?: number; base?: string | number; cap?: string | number; on?: string | string[] };
  cache?: true | { key?: string | string[]; files?: string | string[]; ttl?: string | number };
  /** Or steps that take its place when it failed. */
  on_error?: 'fail' | 'continue' | AnyStep | readonly AnyStep[];
}

export interface ProcessOptions extends Common {
  cwd?: string;
  /** Templates, in which refs put themselves in. */
  env?: Record<string, string | Ref<unknown>>;
}

const schema = createStepSchema((file) => {
  if (!isAbsolute(file)) throw new Error('in TypeScript a file is named by its absolute path');
  return readFileSync(file, 'utf8');
});

/** Steps without an id are counted, anew in each file: a restart must find them by the same names. */
let count = 0;
export const beginFile = (): void => {
  count = 0;
};

const isBuilt = (value: object): value is Built => 'step' in value && typeof value.step === 'object' && !isRef(value);

/** Refs as templates, built steps as steps; functions stay. */
const plain = (value: unknown): unknown => {
  if (isRef(value)) return String(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  if (isBuilt(value)) return value.step;
  if ('kind' in value) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, one]) => one !== undefined)
      .map(([key, one]) => [key, plain(one)]),
  );
};

/** Any step, by the keys with which a file writes it. @throws ConductorError `bad_request` */
export const step = <Data = Record<string, unknown>>(written: object): Built<Data> => {
  const id = 'id' in written && typeof written.id === 'string' ? written.id : `step_${++count}`;
  const result = schema.safeParse({ ...(plain(written) as object), id });
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new ConductorError(
      'bad_request',
      `step ${id}: ${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? ''}`,
    );
  }
  const path = `steps.${id}`;
  return {
    step: result.data,
    ok: refTo<boolean>(`${path}.ok`),
    output: refTo<string>(`${path}.output`),
    error: refTo<string>(`${path}.error`),
    run_id: refTo<string>(`${path}.run_id`),
    data: refTo<Data>(`${path}.data`),
  };
};

const outputOf = (output: z.ZodType | 'json' | 'lines' | undefined): object => {
  if (output === undefined) return {};
  if (typeof output === 'string') return { output };
  const { $schema: _dialect, ...json } = z.toJSONSchema(output, { io: 'input' });
  return { output: { schema: json as JsonSchema } };
};

type DataOf<Output> = Output extends z.ZodType ? z.output<Output> : Output extends 'lines' ? string[] : unknown;

/** `output`: a zod schema of the answer; `data` has its type. */
export const agent = <Output extends z.ZodType | 'json' | undefined = undefined>({
  output,
  ...options
}: ProcessOptions & { agent: string | string[]; prompt: string; fallback_script?: string; output?: Output }): Built<
  DataOf<Output>
> => step({ ...options, ...outputOf(output) });

export const shell = <Output extends z.ZodType | 'json' | 'lines' | undefined = undefined>({
  output,
  ...options
}: ProcessOptions & { shell: string; output?: Output }): Built<DataOf<Output>> =>
  step({ ...options, ...outputOf(output) });

export const sequence = (steps: readonly AnyStep[], options: Common = {}): Built =>
  step({ ...options, sequence: steps });

export const parallel = <const Steps extends readonly AnyStep[]>(
  steps: Steps,
  {
    max_concurrent,
    fail_fast,
    at_least,
    ...options
  }: Common & { max_concurrent?: number; fail_fast?: boolean; at_least?: number } = {},
): Built<{ lanes: { [Index in keyof Steps]: { name: string } & Given<DataIn<Steps[Index]>> } }> =>
  step({ ...options, parallel: { steps, max_concurrent, fail_fast, at_least } });

/** `each` is given the item as a ref. */
export const map = <Item, const Each extends AnyStep | readonly AnyStep[]>(
  items: readonly Item[] | Ref<readonly Item[]>,
  each: (item: Refs<Item>) => Each,
  {
    max_concurrent,
    fail_fast,
    at_least,
    ...options
  }: Common & { max_concurrent?: number; fail_fast?: boolean; at_least?: number } = {},
): Built<{ items: ({ item: Item; index: number } & Given<DataIn<LastOf<Each>>>)[]; count: number; failed: number }> =>
  step({
    ...options,
    map: {
      items: isRef(items) ? items.path : items,
      steps: [each(refTo<Item>('item'))].flat(),
      max_concurrent,
      fail_fast,
      at_least,
    },
  });

export const branch = (
  cases: readonly { when: string; steps: readonly AnyStep[] }[],
  otherwise?: readonly AnyStep[],
  options: Common = {},
): Built => step({ ...options, branch: [...cases, ...(otherwise ? [{ else: otherwise }] : [])] });

export const repeat = (
  options: Common & {
    until: string;
    max?: number;
    stop_when?: string;
    on_max?: 'fail' | 'continue';
    delay?: string | number;
  },
  steps: readonly AnyStep[],
): Built<{ iterations: number; met: boolean }> => {
  const { until, max, stop_when, on_max, delay, ...common } = options;
  return step({ ...common, repeat: { until, max, stop_when, on_max, delay, steps } });
};

type WaitFor =
  | string
  | number
  | { until: string }
  | { event: string | string[]; match?: Record<string, unknown>; when?: string; since?: Built }
  | { approval: string; default?: 'approve' | 'reject' };

export const wait = (
  what: WaitFor,
  options: Common & { on_timeout?: 'fail' | 'continue' } = {},
): Built<{ data: Record<string, unknown>; body: string }> =>
  step({
    ...options,
    wait: typeof what === 'object' && 'since' in what && what.since ? { ...what, since: what.since.step.id } : what,
  });

export const attempt = (steps: readonly AnyStep[], compensate: readonly AnyStep[], options: Common = {}): Built =>
  step({ ...options, attempt: { try: steps, compensate } });

export const call = (handler: string, given: Record<string, unknown> = {}, options: Common = {}): Built =>
  step({ ...options, call: { handler, with: given } });

export const emit = (
  type: string,
  { body, data, ...options }: Common & { body?: string; data?: Record<string, unknown> } = {},
): Built => step({ ...options, emit: { type, body, data } });

/** A function of what earlier steps gave. It may run again after a crash, so it has no effect but its result, which is JSON. */
export const code = <Given extends Record<string, unknown>, Result>(
  { given, ...options }: Common & { given: Given },
  run: (given: ValueOf<Given>) => Result,
): Built<Awaited<Result>> => {
  const valueOf = (value: unknown, variables: Readonly<Record<string, unknown>>): unknown => {
    if (isRef(value)) return getPath(variables, value.path);
    if (value === null || typeof value !== 'object') return value;
    return Array.isArray(value)
      ? value.map((one) => valueOf(one, variables))
      : Object.fromEntries(Object.entries(value).map(([key, one]) => [key, valueOf(one, variables)]));
  };
  return step({
    ...options,
    code: (variables: Readonly<Record<string, unknown>>) => run(valueOf(given, variables) as ValueOf<Given>),
  });
};
