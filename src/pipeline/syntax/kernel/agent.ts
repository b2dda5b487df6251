import { z } from 'zod';
import type { Step } from '../../../core/handler.js';
import { DEFAULT_PROMPT, templateSchema } from '../parts.js';
import type { Reader } from '../schema.js';
import { fileSchema, process, processOf } from './process.js';

export const agent = (read: Reader) =>
  z
    .strictObject({
      ...process,
      agent: z.union([templateSchema, z.array(templateSchema).min(1)]),
      prompt: templateSchema.optional(),
      prompt_file: fileSchema(read).pipe(templateSchema).optional(),
      fallback_script: fileSchema(read).optional(),
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
