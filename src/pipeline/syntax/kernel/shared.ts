import { z } from 'zod';
import { celSchema, templateSchema } from '../parts.js';

/** What a group gives in place of its last step. */
export const resultSchema = z
  .strictObject({ text: templateSchema.optional(), data: celSchema.optional() })
  .transform(({ text, data }) => ({
    ...(text === undefined ? {} : { text }),
    ...(data === undefined ? {} : { data }),
  }));

/** How many at once. */
export const width = z.int().min(1).max(1_000).default(16);
