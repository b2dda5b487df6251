import { z } from 'zod';
import type { Step } from '../../core/handler.js';
import { handOn } from './issues.js';
import { common } from './parts.js';
import type { Reader } from './schema.js';
import { createStepSchema } from './step.js';

export const nameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'a handler name is lower-case letters, digits and "-"');

export const parametersSchema = z.array(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'a parameter is letters, digits and "_"'),
);

export interface HandlerFile {
  name: string;
  description?: string;
  parameters?: readonly string[];
  steps: readonly Step[];
}

/** A handler has a name and steps; or a name and the keys of one step, as the patterns are written. */
export const createFileSchema = (read: Reader): z.ZodType<HandlerFile> => {
  const step = createStepSchema(read);
  const whole = z
    .strictObject({ steps: z.array(step).min(1), isolate: common.isolate })
    .transform(({ steps, isolate }) => ({
      steps: isolate === undefined ? steps : [{ kind: 'sequence' as const, steps, isolate, on_error: 'fail' as const }],
    }));
  return z
    .looseObject({ name: nameSchema, description: z.string().optional(), parameters: parametersSchema.optional() })
    .transform((file, context): HandlerFile => {
      const { name, description, parameters, ...rest } = file;
      const isPlain = Object.keys(rest).every((key) => key === 'steps' || key === 'isolate');
      const result = isPlain ? whole.safeParse(rest) : step.transform((one) => ({ steps: [one] })).safeParse(rest);
      if (result.success)
        return {
          name,
          ...(description === undefined ? {} : { description }),
          ...(parameters === undefined ? {} : { parameters }),
          steps: result.data.steps,
        };
      handOn(result, context);
      return z.NEVER;
    });
};
