import { defer, EMPTY, expand, from, map, mergeMap, type Observable, of, timer } from 'rxjs';
import type { Draft } from '../core/event.js';
import type { Arrival, Clock, Source } from '../core/ports.js';
import { insist } from './insist.js';
import { scheduleOf, type ScheduleOptions } from './schedule.js';

export interface TimerOptions extends ScheduleOptions {
  /** What is said of slots that passed while nobody was there. Default: once, the newest. */
  missed?: 'skip' | 'once' | 'all' | undefined;
  /** The newest slot that was said, RFC 3339; undefined when none was. */
  lastSlot?: (() => string | undefined) | undefined;
  clock: Clock;
}

/** A wait is cut into pieces: a long one would overflow the timer, and a clock that is set or a machine that slept is noticed soon. */
const LONGEST_WAIT_MS = 60_000;
/** A slot that is no older was waited for: a machine that is busy for a moment, or a quick restart, misses none. */
const ON_TIME_MS = 60_000;
/** So many of those missed are said at most, the newest. */
const MOST_MISSED = 100;

interface Due {
  slot: number;
  /** Slots before it that are not said, because it stands for them. */
  missed: number;
}

interface Step {
  /** All slots up to here are dealt with. */
  after: number;
  /** The first one after it. */
  next: number | undefined;
  due: readonly Due[];
}

/** Which of the slots that have come are said. */
const choose = (slots: readonly number[], missed: 'skip' | 'once' | 'all', now: number): Due[] => {
  if (missed === 'all') return slots.map((slot) => ({ slot, missed: 0 }));
  const newest = slots.at(-1);
  if (newest === undefined || (missed === 'skip' && now - newest > ON_TIME_MS)) return [];
  return [{ slot: newest, missed: missed === 'skip' ? 0 : slots.length - 1 }];
};

export const timerSource = (options: TimerOptions): Source => {
  const { name, clock, missed = 'once', lastSlot } = options;
  const schedule = scheduleOf(options);

  const begin = (): number => {
    const last = Date.parse(lastSlot?.() ?? '');
    if (!Number.isNaN(last)) return last;
    // What never was said was not missed, but a single moment that has passed was.
    return options.at === undefined ? clock.now() : 0;
  };

  /** Waits a piece on towards the next slot; when it has come, gives what has, and goes on after the newest. */
  const step = ({ after, next }: Step): Observable<Step> => {
    if (next === undefined) return EMPTY;
    const wait = Math.max(0, Math.min(next - clock.now(), LONGEST_WAIT_MS));
    return timer(wait, clock.scheduler).pipe(
      map(() => {
        const now = clock.now();
        if (now < next) return { after, next, due: [] };
        const slots = schedule.between(after, now, MOST_MISSED);
        const newest = slots.at(-1) ?? next;
        return { after: newest, next: schedule.next(newest), due: choose(slots, missed, now) };
      }),
    );
  };

  const draftOf = ({ slot, missed: count }: Due): Draft => {
    const at = new Date(slot).toISOString();
    return {
      type: 'TIMER_FIRED',
      source: `timer:${name}`,
      dedupe_key: `timer:${name}:${at}`,
      body: `Timer ${name}`,
      data: { name, slot: at, ...(count === 0 ? {} : { missed: count }) },
    };
  };

  return {
    name: `timer:${name}`,
    description: `timer ${name}: ${schedule.description}`,
    open: (): Observable<Arrival> =>
      defer(() => {
        const after = begin();
        return of<Step>({ after, next: schedule.next(after), due: [] });
      }).pipe(
        expand(step),
        mergeMap(({ due }) => from(due)),
        mergeMap((one) => insist(draftOf(one), clock)),
      ),
  };
};
