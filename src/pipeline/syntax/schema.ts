import type { z } from 'zod';
import type { Step } from '../../core/handler.js';

/** Reads a file that a handler names. @throws when it cannot be read. */
export type Reader = (file: string) => string;
/** A step as it is written: in a file, keys that only reading checks; in TypeScript, what a function made. */
export type StepInput = Step | { readonly step: Step };
export type StepSchema = z.ZodType<Step, StepInput>;
