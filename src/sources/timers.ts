import { Cron } from 'croner';
import { defer, EMPTY, expand, mergeMap, type Observable, of, timer } from 'rxjs';
import { ConductorError } from '../core/errors.js';
import type { Arrival, Clock, Source } from '../core/ports.js';
import { insist } from './insist.js';

export interface TimerOptions {
  name: string;
  every_ms?: number | undefined;
  cron?: string | undefined;
  time_zone?: string | undefined;
  clock: Clock;
}

/** A wait is cut into pieces: a long one would overflow the timer, and a clock that is set or a machine that slept is noticed soon. */
const LONGEST_WAIT_MS = 60_000;

/** The first slot after a time, in milliseconds; undefined when there is none any more. */
type NextSlot = (after: number) => number | undefined;

const nextOf = ({ name, every_ms, cron, time_zone }: TimerOptions): NextSlot => {
  const wrong = (why: string, cause?: unknown): ConductorError =>
    new ConductorError('configuration', `timers.${name}: ${why}`, { cause });
  if ((every_ms === undefined) === (cron === undefined)) throw wrong('say either "every" or "cron"');
  if (every_ms !== undefined) {
    if (!Number.isFinite(every_ms) || every_ms < 1) throw wrong('"every" must be longer than nothing');
    // Slots are multiples since the epoch, so that a restart finds the same ones and says none of them twice.
    return (after) => (Math.floor(after / every_ms) + 1) * every_ms;
  }
  try {
    const schedule = new Cron(cron ?? '', time_zone === undefined ? {} : { timezone: time_zone });
    const next: NextSlot = (after) => schedule.nextRun(new Date(after))?.getTime();
    next(0); // a time zone that does not exist shows only here
    return next;
  } catch (cause) {
    throw wrong(
      `cron "${cron}"${time_zone === undefined ? '' : ` in ${time_zone}`}: ${(cause as Error).message}`,
      cause,
    );
  }
};

interface Tick {
  /** Waited for. */
  slot: number | undefined;
  /** Reached. */
  due?: number;
}

/** Slots as they come. Those slept through are said once, as the first of them. */
const slots = (next: NextSlot, clock: Clock): Observable<Tick> =>
  defer(() => of<Tick>({ slot: next(clock.now()) })).pipe(
    expand(({ slot }) => {
      if (slot === undefined) return EMPTY;
      const wait = Math.max(0, Math.min(slot - clock.now(), LONGEST_WAIT_MS));
      return timer(wait, clock.scheduler).pipe(
        mergeMap((): Observable<Tick> => {
          const now = clock.now();
          if (now < slot) return of({ slot });
          return of({ slot: next(Math.max(now, slot)), due: slot });
        }),
      );
    }),
  );

export const timerSource = (options: TimerOptions): Source => {
  const { name, clock } = options;
  const next = nextOf(options);
  return {
    name: `timer:${name}`,
    description: `timer ${name}: ${options.cron === undefined ? `every ${options.every_ms} ms` : `${options.cron}${options.time_zone === undefined ? '' : ` (${options.time_zone})`}`}`,
    open: (): Observable<Arrival> =>
      slots(next, clock).pipe(
        mergeMap(({ due }) => {
          if (due === undefined) return EMPTY;
          const slot = new Date(due).toISOString();
          return insist(
            {
              type: 'TIMER_FIRED',
              source: `timer:${name}`,
              dedupe_key: `timer:${name}:${slot}`,
              body: `Timer ${name}`,
              data: { name, slot },
            },
            clock,
          );
        }),
      ),
  };
};
