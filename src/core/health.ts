import { z } from 'zod';
import { durationSchema } from './schema-parts.js';

/** What `check-health` holds to be ill, and what it does about it beside saying so. */
export const healthSchema = z.strictObject({
  /** More than this is an alert. */
  disk_percent: z.number().min(0).max(100).default(85),
  queue_depth: z.int().min(1).default(100),
  /** Of the runs that ended within the last hour. */
  error_percent: z.number().min(0).max(100).default(20),
  /** A full disk: runs that ended longer ago are removed; `false`: none are. */
  clean_after: z.union([z.literal(false), durationSchema]).default(30 * 24 * 3_600_000),
  /** A shell command, where the API does not answer: `systemctl restart --no-block conductor`. */
  restart: z.string().min(1).optional(),
  /** A shell command, where too much waits. */
  scale_up: z.string().min(1).optional(),
});
