import { z } from 'zod';
import { formatDuration, parseDuration, WRITTEN } from './duration.js';

/** A duration in a file: `300` (seconds) or `"5m"`; milliseconds afterwards. */
export const DURATION = 'seconds (300), or "500ms", "30s", "5m", "1h30m"';
export const durationSchema = z
  // The pattern is for editors; what is wrong is said below.
  .union([z.string().meta({ pattern: WRITTEN.source }), z.number().meta({ minimum: 0 })])
  .meta({ description: DURATION })
  .transform((value, context) => {
    const milliseconds = parseDuration(value);
    if (milliseconds === undefined) {
      context.addIssue({
        code: 'custom',
        message: `"${value}" is no duration; write seconds (300) or "500ms", "30s", "5m", "1h30m", a hundred years at most`,
      });
      return z.NEVER;
    }
    return milliseconds;
  });

/** A duration of at least and at most so many ms. */
export const boundedDuration = (
  least: number,
  most: number,
): z.ZodPipe<typeof durationSchema, z.ZodTransform<number, number>> =>
  durationSchema.transform((milliseconds, context) => {
    if (milliseconds >= least && milliseconds <= most) return milliseconds;
    const wanted = `${formatDuration(least)} to ${formatDuration(most)}`;
    context.addIssue({ code: 'custom', message: `${formatDuration(milliseconds)} is out of bounds; write ${wanted}` });
    return z.NEVER;
  });
