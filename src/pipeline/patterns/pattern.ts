import type { z } from 'zod';
import type { Step } from '../../core/handler.js';
import type { StepSchema } from '../syntax/kernel.js';

/** A way to write a tree: what it looks like, and the kernel tree that it stands for. */
export interface Pattern {
  /** Any of these keys in a step names it. */
  keys: readonly string[];
  /** `step`: what may stand in it. */
  schema(step: StepSchema): z.ZodType<Step>;
}
