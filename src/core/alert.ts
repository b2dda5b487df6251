import { z } from 'zod';
import { durationSchema } from './schema-parts.js';

/** What `check-health` measures, by the names that an alert's condition uses. */
export const METRICS = ['task_failure_rate', 'agent_timeout_count', 'disk_usage_percent', 'queue_depth'] as const;

const CONDITION = new RegExp(`^\\s*(${METRICS.join('|')})\\s*(>=|<=|>|<)\\s*(\\d+(?:\\.\\d+)?)\\s*$`);

export const alertSchema = z.strictObject({
  name: z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, 'a name holds letters, digits, "_" and "-" (64 at most)'),
  /** A metric, a comparison, a number: `task_failure_rate > 0.1`. */
  condition: z.string().transform((text, context) => {
    const [, metric, operator, value] = CONDITION.exec(text) ?? [];
    if (metric === undefined || operator === undefined) {
      context.addIssue({
        code: 'custom',
        message: `"${text}" is no condition; write one as "task_failure_rate > 0.1", over ${METRICS.join(', ')}`,
      });
      return z.NEVER;
    }
    return { metric, operator, value: Number(value) };
  }),
  /** It is raised when the condition held for so long. */
  duration: durationSchema.default(0),
  /** One of `actions`, told when it is raised; said with the alert, too: `match: { data.actions: page_oncall }`. */
  action: z.string().optional(),
});
