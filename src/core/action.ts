import { z } from 'zod';
import { durationSchema } from './schema-parts.js';

const urlSchema = z.url({ protocol: /^https?$/, error: 'a URL that begins with http:// or https://' });

/** How a notification reaches people: one way each. Where a URL is itself a secret, it stands in a file of its own. */
export const actionSchema = z
  .strictObject({
    /** A program and its arguments; the message comes on stdin. */
    command: z.array(z.string().min(1)).min(1).optional(),
    /** Is sent the notification as JSON. */
    url: urlSchema.optional(),
    url_file: z.string().min(1).optional(),
    /** An incoming webhook of Slack, or of what speaks like it (Mattermost, Discord with /slack). */
    slack: urlSchema.optional(),
    slack_file: z.string().min(1).optional(),
    headers: z.record(z.string(), z.string()).default({}),
    timeout: durationSchema.default(30_000),
  })
  .refine(
    ({ command, url, url_file, slack, slack_file }) =>
      [command, url, url_file, slack, slack_file].filter((one) => one !== undefined).length === 1,
    'an action has one of "command", "url", "url_file", "slack" and "slack_file"',
  );
export type ActionSettings = z.output<typeof actionSchema>;

export const actionNameSchema = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, 'an action has a name of letters, digits, "_" and "-"');
