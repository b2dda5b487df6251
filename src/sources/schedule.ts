import { Cron } from 'croner';
import { formatDuration } from '../core/duration.js';
import { ConductorError } from '../core/errors.js';
import { nearest } from '../core/yaml-document.js';

export interface ScheduleOptions {
  name: string;
  every_ms?: number | undefined;
  /** Five fields, or six with seconds first. */
  cron?: string | undefined;
  /** One moment: RFC 3339, or a local time of `time_zone`. */
  at?: string | undefined;
  time_zone?: string | undefined;
}

/** The moments at which a timer is due, in milliseconds since the epoch. */
export interface Schedule {
  /** The first slot after a time; undefined when there is none any more. */
  next(after: number): number | undefined;
  /** The newest slots after `after` and up to `now`, oldest first; at most `most`. */
  between(after: number, now: number, most: number): number[];
  /** For people. */
  readonly description: string;
}

const every = (ms: number): Schedule => ({
  // Slots are multiples since the epoch, so that a restart finds the same ones and says none of them twice.
  next: (after) => (Math.floor(after / ms) + 1) * ms,
  between(after, now, most) {
    const last = Math.floor(now / ms);
    const first = Math.max(Math.floor(after / ms) + 1, last - most + 1);
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => (first + index) * ms);
  },
  description: `every ${formatDuration(ms)}`,
});

/** Words of the field instead of those of the library. */
const checkTimeZone = (time_zone: string | undefined): void => {
  if (time_zone === undefined) return;
  try {
    new Intl.DateTimeFormat('en', { timeZone: time_zone });
  } catch (cause) {
    const near = nearest(time_zone, Intl.supportedValuesOf('timeZone'));
    throw new Error(`there is no time zone "${time_zone}"${near === undefined ? '' : `; did you mean "${near}"?`}`, {
      cause,
    });
  }
};

const cronSchedule = (pattern: string, time_zone: string | undefined): Schedule => {
  const cron = new Cron(pattern, { mode: '5-or-6-parts', ...(time_zone === undefined ? {} : { timezone: time_zone }) });
  const next: Schedule['next'] = (after) => cron.nextRun(new Date(after))?.getTime();
  if (next(0) === undefined) throw new Error('it never comes');
  return {
    next,
    between(after, now, most) {
      // The end is left out by croner, and a slot is a whole second.
      const end = new Date((Math.floor(now / 1_000) + 1) * 1_000);
      return cron
        .previousRuns(most, end)
        .map((run) => run.getTime())
        .filter((slot) => slot > after && slot <= now)
        .reverse();
    },
    description: `${pattern}${time_zone === undefined ? '' : ` (${time_zone})`}`,
  };
};

/** True for a day that its month has; parsers go on into the next month. */
const isDay = (text: string): boolean => {
  const [year = 0, month = 0, day = 0] = text.slice(0, 10).split('-').map(Number);
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
};

const once = (text: string, time_zone: string | undefined): Schedule => {
  const isMoment = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(text) && isDay(text);
  const slot = isMoment
    ? new Cron(text, time_zone === undefined ? {} : { timezone: time_zone }).getOnce()?.getTime()
    : undefined;
  if (slot === undefined) throw new Error('it is no moment; write it as 2027-01-31T12:00:00Z');
  return {
    next: (after) => (slot > after ? slot : undefined),
    between: (after, now) => (slot > after && slot <= now ? [slot] : []),
    description: `once at ${new Date(slot).toISOString()}`,
  };
};

/** @throws ConductorError `configuration` with the timer's name. */
export const scheduleOf = ({ name, every_ms, cron, at, time_zone }: ScheduleOptions): Schedule => {
  const wrong = (why: string, cause?: unknown): ConductorError =>
    new ConductorError('configuration', `timers.${name}: ${why}`, { cause });
  if ([every_ms, cron, at].filter((one) => one !== undefined).length !== 1)
    throw wrong('say one of "every", "cron" and "at"');
  if (every_ms !== undefined) {
    if (!Number.isFinite(every_ms) || every_ms < 1) throw wrong('"every" must be longer than nothing');
    return every(every_ms);
  }
  const text = cron ?? at ?? '';
  try {
    checkTimeZone(time_zone);
    return cron === undefined ? once(text, time_zone) : cronSchedule(cron, time_zone);
  } catch (cause) {
    throw wrong(`${cron === undefined ? 'at' : 'cron'} "${text}": ${(cause as Error).message}`, cause);
  }
};
