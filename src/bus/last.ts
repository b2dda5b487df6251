/** Reading from the end: only what was sealed counts, since text before the first seal may be the inside of a body. */
import { closeSync, fstatSync } from 'node:fs';
import type { Event } from '../core/event.js';
import { readRange } from './file.js';
import { BODY_MAX, HEADER_MAX } from './format.js';
import { Scanner } from './scanner.js';
import { openToRead, type Segment } from './segments.js';
import { isAfter, momentOf, type Moment } from './stamp.js';

const WINDOW = 64 * 1024;
/** Where one record will do. */
const NARROW = 4 * 1024;
const WINDOW_MOST = 1024 * 1024;
const RECORD_MOST = HEADER_MAX + BODY_MAX;

/**
 * The events of windows that lie one before the other, from `size` back to `floor` (the beginning of a record), each
 * window's in file order.
 */
export function* backwards(
  fd: number,
  floor: number,
  size: number,
  key?: Buffer,
  narrow = WINDOW,
): Generator<readonly Event[]> {
  let to = size;
  let width = narrow;
  while (to > floor) {
    const from = Math.max(floor, to - width);
    const items = new Scanner(key, from).push(readRange(fd, from, to), true);
    const events = items.flatMap((item) => (item.kind === 'event' ? [item] : []));
    const first = from === floor ? 0 : events.findIndex(({ event }) => event.sealed);
    if (first < 0 && width < RECORD_MOST) {
      width *= 4;
      continue;
    }
    yield (first < 0 ? [] : events.slice(first)).map(({ event }) => event);
    to = from === floor ? floor : (events[first]?.from ?? from);
    width = Math.max(WINDOW, Math.min(WINDOW_MOST, width * 2));
  }
}

/** The moment of the very last record, where the file ends with one: nothing else need be read. `whole`: nothing is torn there. */
export const endOf = (fd: number, floor: number, size: number): { moment: Moment | undefined; whole: boolean } => {
  const from = Math.max(floor, size - NARROW);
  const bytes = readRange(fd, from, size);
  const at = bytes.lastIndexOf('\n---\nmsg_id: ');
  const [item] = at < 0 ? [] : new Scanner(undefined, from + at + 1).push(bytes.subarray(at + 1));
  return {
    moment: item?.kind === 'event' && item.event.sealed ? momentOf(item.event.msg_id) : undefined,
    whole: bytes.toString('latin1', Math.max(0, bytes.length - 2)) === '\n\n',
  };
};

/** The id of the last sealed record before `size`, of those whose ids are ours. */
export const lastSealed = (fd: number, size: number): string | undefined => {
  for (const events of backwards(fd, 0, size, undefined, NARROW)) {
    const found = events.findLast((event) => event.sealed && momentOf(event.msg_id));
    if (found) return found.msg_id;
  }
  return undefined;
};

/** How many windows are looked through for one of our own facts: some hundred kilobytes. */
const WINDOWS = 3;

/**
 * The newest moment in the last window that has one, between `floor` and `size`; with a key, of our own facts, or where
 * there is none near, of any record: a fact that comes after it is newer than both.
 */
export const lastMoment = (fd: number, floor: number, size: number, key?: Buffer): Moment | undefined => {
  let windows = 0;
  for (const events of backwards(fd, floor, size, key, NARROW)) {
    let found: Moment | undefined;
    for (const event of events) {
      const moment = (key ? event.authentic : event.sealed) ? momentOf(event.msg_id) : undefined;
      if (moment && (!found || isAfter(moment, found))) found = moment;
    }
    if (found) return found;
    windows += 1;
    if (key && windows === WINDOWS) break;
  }
  return key && lastMoment(fd, floor, size);
};

/** The same over whole segments, the last of which counts most. */
export const lastMomentIn = (segments: readonly Segment[], key?: Buffer): Moment | undefined => {
  for (let index = segments.length - 1; index >= 0; index -= 1) {
    const fd = openToRead(segments[index]?.path ?? '');
    if (fd === undefined) continue;
    try {
      const found = lastMoment(fd, 0, fstatSync(fd).size, key);
      if (found) return found;
    } finally {
      closeSync(fd);
    }
  }
  return undefined;
};
