import { z } from 'zod';
import { ruleFileSchema } from '../core/rule.js';

/** What editors complete and check rule files by; made from the schema that the service checks them by. */
export const ruleFileJsonSchema = (): Record<string, unknown> => ({
  ...(z.toJSONSchema(ruleFileSchema, { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>),
  title: 'Conductor Loop: a rule file',
});
