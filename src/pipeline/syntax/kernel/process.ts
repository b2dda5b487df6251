import { z } from 'zod';
import type { ProcessStep } from '../../../core/handler.js';
import { common, commonOf, outputSchema, templateSchema } from '../parts.js';
import type { Reader } from '../schema.js';

/** The text of a file that the handler names. */
export const fileSchema = (read: Reader) =>
  z.string().transform((file, context) => {
    try {
      return read(file);
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
      return z.NEVER;
    }
  });

/** What agents and scripts take. */
export const process = {
  ...common,
  output: outputSchema,
  cwd: templateSchema.optional(),
  env: z.record(z.string().regex(/^[A-Z_][A-Z0-9_]*$/, 'a variable is UPPER_SNAKE'), templateSchema).default({}),
};

export const processOf = (step: z.output<z.ZodObject<typeof process>>): Omit<ProcessStep, 'kind'> => ({
  ...commonOf(step),
  output: step.output,
  env: step.env,
  ...(step.cwd === undefined ? {} : { cwd: step.cwd }),
});
