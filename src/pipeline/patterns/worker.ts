import { z } from 'zod';
import type { JsonSchema, OutputForm, Step } from '../../core/handler.js';
import type { StepSchema } from '../syntax/schema.js';
import { DEFAULT_PROMPT } from '../syntax/parts.js';

/** Whoever does a part of a pattern: an agent by its name, or any step. */
export type Worker = string | Step;
export const workerSchema = (step: StepSchema) =>
  z.union([z.string().min(1), step], 'a worker is the name of an agent, or a step');

export interface Work {
  id: string;
  name?: string;
  /** A template; an agent's prompt, where it has none of its own, and `$PROMPT` of a script. */
  prompt: string;
  /** What its answer must fit; a script must print it. */
  schema?: JsonSchema;
  /** For steps of shell: `env` of theirs. */
  env?: Readonly<Record<string, string>>;
  on_error?: 'fail' | 'continue';
}

const outputOf = (given: OutputForm, schema: JsonSchema | undefined): OutputForm =>
  schema !== undefined && given === 'text' ? { schema, asks: 2 } : given;

/** A step that does this work, under the id by which the pattern speaks of it. */
export const work = (worker: Worker, { id, name, prompt, schema, env = {}, on_error }: Work): Step => {
  const named = { id, ...(name === undefined ? {} : { name }), ...(on_error === undefined ? {} : { on_error }) };
  if (typeof worker === 'string')
    return {
      kind: 'agent',
      on_error: 'fail',
      ...named,
      agents: [worker],
      prompt,
      output: outputOf('text', schema),
      env,
    };
  switch (worker.kind) {
    case 'agent':
      return {
        ...worker,
        ...named,
        prompt: worker.prompt === DEFAULT_PROMPT ? prompt : worker.prompt,
        output: outputOf(worker.output, schema),
        env: { ...env, PROMPT: prompt, ...worker.env },
      };
    case 'shell':
      return {
        ...worker,
        ...named,
        output: outputOf(worker.output, schema),
        env: { PROMPT: prompt, ...env, ...worker.env },
      };
    default:
      return { ...worker, ...named };
  }
};

/** What a worker is called, for people. */
export const nameOf = (worker: Worker, index: number): string =>
  typeof worker === 'string'
    ? worker
    : (worker.name ??
      worker.id ??
      (worker.kind === 'agent' ? worker.agents[0] : undefined) ??
      `${worker.kind} ${index + 1}`);

/** A word for an id made of a name, unlike those before it. */
export const idOf = (name: string, taken: readonly string[]): string => {
  const word =
    name
      .replaceAll(/[^A-Za-z0-9]+/g, '_')
      .replace(/^[^A-Za-z]+/, '')
      .slice(0, 50) || 'lane';
  for (let count = 1; ; count++) {
    const id = count === 1 ? word : `${word}_${count}`;
    if (!taken.includes(id)) return id;
  }
};

export const idsOf = (names: readonly string[]): string[] =>
  names.reduce<string[]>((taken, name) => [...taken, idOf(name, taken)], []);

/** Steps whose ids are their own. */
export const scoped = (common: object, steps: readonly Step[], result?: { text?: string; data?: string }): Step => ({
  on_error: 'fail',
  ...common,
  kind: 'sequence',
  scoped: true,
  steps,
  ...(result ? { result } : {}),
});

/** JSON Schema of an object of which all is required. */
export const objectOf = (properties: Record<string, unknown>): JsonSchema => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});
