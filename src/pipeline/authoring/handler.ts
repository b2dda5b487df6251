import { ConductorError } from '../../core/errors.js';
import type { Step } from '../../core/handler.js';
import { nameSchema } from '../syntax/file.js';
import type { AnyStep } from './steps.js';

/** What a handler file in TypeScript exports as its default. */
export interface HandlerDefinition {
  readonly name: string;
  readonly description?: string;
  /** What it may be given `with`; without it, what its texts speak of. */
  readonly parameters?: readonly string[];
  readonly steps: readonly Step[];
}

const definitions = new WeakSet<object>();

export const handler = (given: {
  name: string;
  description?: string;
  parameters?: readonly string[];
  steps: readonly AnyStep[];
}): HandlerDefinition => {
  const name = nameSchema.safeParse(given.name);
  if (!name.success)
    throw new ConductorError('bad_request', `handler ${given.name}: ${name.error.issues[0]?.message ?? ''}`);
  if (given.steps.length === 0) throw new ConductorError('bad_request', `handler ${given.name} has no steps`);
  const definition = {
    ...given,
    steps: given.steps.map((one) => ('kind' in one ? one : one.step)),
  };
  definitions.add(definition);
  return definition;
};

export const isDefinition = (value: unknown): value is HandlerDefinition =>
  typeof value === 'object' && value !== null && definitions.has(value);
