import { z } from 'zod';
import type { Step } from '../../core/handler.js';
import { handOn } from '../syntax/issues.js';
import type { StepSchema } from '../syntax/schema.js';

/** A way to write a tree: what it looks like, and the kernel tree that it stands for. */
export interface Pattern {
  /** Any of these keys in a step names it. */
  keys: readonly string[];
  /** `step`: what may stand in it. */
  schema(step: StepSchema): z.ZodType<Step>;
}

const spellings = new WeakMap<z.ZodType, readonly z.ZodType<Step>[]>();

/** One of two spellings, by a key, so that an error speaks of that one alone. */
export const byKey = (key: string, one: z.ZodType<Step>, other: z.ZodType<Step>): z.ZodType<Step> => {
  const schema = z.looseObject({}).transform((value, context): Step => {
    const result = (key in value ? one : other).safeParse(value);
    if (result.success) return result.data;
    handOn(result, context);
    return z.NEVER;
  });
  spellings.set(schema, [one, other]);
  return schema;
};

/** The shapes of a pattern, for those who describe them. */
export const spellingsOf = (schema: z.ZodType<Step>): readonly z.ZodType<Step>[] => spellings.get(schema) ?? [schema];
