/** Reading from the end: only what was sealed counts, since text before the first seal may be the inside of a body. */
import type { Event } from '../core/event.js';
import { readRange } from './file.js';
import { Scanner } from './scanner.js';
import { momentOf, type Moment } from './stamp.js';

const WINDOW = 64 * 1024;

/**
 * The events of growing windows that end at `size`, each window from its first sealed record on (from its beginning where
 * it starts at `floor`, which is the beginning of a record).
 */
export function* windows(fd: number, floor: number, size: number, key?: Buffer): Generator<readonly Event[]> {
  for (let width = WINDOW; ; width *= 4) {
    const from = Math.max(floor, size - width);
    const items = new Scanner(key, from).push(readRange(fd, from, size), true);
    const events = items.flatMap((item) => (item.kind === 'event' ? [item.event] : []));
    const first = from === floor ? 0 : events.findIndex((event) => event.sealed);
    yield first < 0 ? [] : events.slice(first);
    if (from === floor) return;
  }
}

/** The moment of the last sealed record between `floor` and `size`; with a key, of the last of our own facts. */
export const lastMoment = (fd: number, floor: number, size: number, key?: Buffer): Moment | undefined => {
  for (const events of windows(fd, floor, size, key)) {
    let found: Moment | undefined;
    for (const event of events) {
      if (key ? event.authentic : event.sealed) found = momentOf(event.msg_id) ?? found;
    }
    if (found) return found;
  }
  return undefined;
};
