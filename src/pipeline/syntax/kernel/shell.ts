import { z } from 'zod';
import type { Step } from '../../../core/handler.js';
import { fileSchema, process, processOf } from './process.js';
import type { Reader } from '../schema.js';

export const shell = (read: Reader) =>
  z
    .strictObject({ ...process, shell: z.string().min(1).optional(), script: fileSchema(read).optional() })
    .refine((step) => (step.shell === undefined) !== (step.script === undefined), 'give either "shell" or "script"')
    .transform((step): Step => ({ ...processOf(step), kind: 'shell', script: step.script ?? step.shell ?? '' }));
