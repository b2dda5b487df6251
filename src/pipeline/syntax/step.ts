import { z } from 'zod';
import type { Step } from '../../core/handler.js';
import { handOn } from './issues.js';
import { nearest } from '../../core/yaml-document.js';
import { PATTERNS } from '../patterns/index.js';
import { kernelKinds } from './kernel/index.js';
import type { Reader, StepSchema } from './schema.js';
import { COMMON_KEYS } from './parts.js';

/** Steps that were made by functions are what they are. */
const made = new WeakSet<object>();

/** The step under its own name, and in its place, when it fails, others. */
const withRescue = ({ id, name, when, ...step }: Step, rescue: readonly Step[]): Step => ({
  ...(id === undefined ? {} : { id }),
  ...(name === undefined ? {} : { name }),
  ...(when === undefined ? {} : { when }),
  on_error: 'fail',
  kind: 'attempt',
  try: [step],
  compensate: [],
  rescue,
});

/** Chosen by the key that names the step's kind, so that an error speaks of that kind alone. Patterns become kernel steps. */
export const createStepSchema = (read: Reader): StepSchema => {
  // What files may write is checked key by key; only what TypeScript may write has a type.
  const step = z.lazy(() => chosen) as z.ZodType<Step, unknown> as StepSchema;
  const patterns = PATTERNS.map((pattern) => ({ keys: pattern.keys, schema: pattern.schema(step) }));
  const kernel = kernelKinds(step, read);
  const rescueSchema = z.object({ on_error: z.array(step).min(1) });
  const names = [...patterns.flatMap(({ keys }) => keys), ...Object.keys(kernel)];
  const kindOf = (keys: readonly string[]): z.ZodType<Step> | undefined =>
    patterns.find((pattern) => pattern.keys.some((key) => keys.includes(key)))?.schema ??
    Object.entries(kernel).find(([name]) => keys.includes(name))?.[1];

  const chosen = z.unknown().transform((value, context): Step => {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) {
      context.addIssue({ code: 'custom', message: 'a step is a map of keys' });
      return z.NEVER;
    }
    if (made.has(value)) return value as Step;
    const keys = Object.keys(value);
    const kind = kindOf(keys);
    if (!kind) {
      const key = keys.find((one) => !(COMMON_KEYS as readonly string[]).includes(one));
      const like = key === undefined ? undefined : nearest(key, names);
      context.addIssue({
        code: 'custom',
        ...(key === undefined ? {} : { path: [key] }),
        message: like
          ? `"${key}" is no kind of step; did you mean "${like}"?`
          : `a step has one of: ${names.join(', ')}`,
      });
      return z.NEVER;
    }
    const { on_error: answer, ...rest } = value as Record<string, unknown>;
    const isRescued = typeof answer === 'object' && answer !== null;
    const result = kind.safeParse(isRescued ? rest : value);
    const rescue = isRescued ? rescueSchema.safeParse({ on_error: [answer].flat() }) : undefined;
    if (!result.success) handOn(result, context);
    if (rescue?.success === false) handOn(rescue, context);
    if (!result.success || rescue?.success === false) return z.NEVER;
    const found = rescue ? withRescue(result.data, rescue.data.on_error) : result.data;
    made.add(found);
    return found;
  });
  return step;
};
