/** Reading from the end: only what was sealed counts, since text before the first seal may be the inside of a body. */
import { closeSync, fstatSync } from 'node:fs';
import type { Event } from '../core/event.js';
import { readRange } from './file.js';
import { BODY_MAX, crcAt, crcOf, HEADER_MAX } from './format.js';
import { Scanner } from './scanner.js';
import { openToRead, type Segment } from './segments.js';
import { isAfter, momentOf, type Moment } from './stamp.js';

const WINDOW = 64 * 1024;
/** Where one record will do. */
export const NARROW = 4 * 1024;
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

const RECORD = '\n---\nmsg_id: ';
const LENGTH = '\nbody_bytes: ';
const CRC = '\ncrc32: ';
const NEWLINE = 10;

/** The id of the one sealed record that fills the bytes from `at`, if its checksum fits. */
const idOfSealed = (bytes: Buffer, at: number): string | undefined => {
  const end = bytes.indexOf('\n---\n', at + 4);
  const crc = end - CRC.length - 8;
  const length = bytes.lastIndexOf(LENGTH, crc);
  if (length < at || bytes.toString('latin1', crc, crc + CRC.length) !== CRC) return undefined;
  const from = end + 5;
  const digits = length + LENGTH.length;
  const to = from + Number(bytes.toString('latin1', digits, bytes.indexOf(NEWLINE, digits)));
  // Its own line break and the empty line: then the file ends.
  if (to !== bytes.length - 2 || bytes[to] !== NEWLINE || bytes[to + 1] !== NEWLINE) return undefined;
  if (crcOf(bytes.subarray(at, crc + 1), bytes.subarray(from, to)) !== crcAt(bytes, end - 8)) return undefined;
  const id = at + RECORD.length - 1;
  return bytes.toString('latin1', id, bytes.indexOf(NEWLINE, id));
};

/** The moment of the very last record, where the bytes end with a whole one of ours: nothing else need be read. `whole`: nothing is torn there. */
export const endOfBytes = (bytes: Buffer): { moment: Moment | undefined; whole: boolean } => {
  const at = bytes.lastIndexOf(RECORD) + 1;
  const id = at === 0 ? undefined : idOfSealed(bytes, at);
  return {
    moment: id === undefined ? undefined : momentOf(id),
    whole: bytes[bytes.length - 1] === NEWLINE && bytes[bytes.length - 2] === NEWLINE,
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
