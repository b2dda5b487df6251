/** Finding a message by its id: ids rise in file order, so a few probes do. */
import { CHUNK, readRange } from './file.js';
import { Scanner, type Item } from './scanner.js';
import { isAfter, momentOf, type Moment } from './stamp.js';

type Found = Extract<Item, { kind: 'event' }>;

const PROBE = 16 * 1024;
const FIRST = 1024;
const NEWLINE = 10;

/** The beginning of the first line at or after `at`. */
const lineStart = (fd: number, at: number, size: number): number => {
  if (at === 0) return 0;
  for (let from = at - 1; from < size; from += PROBE) {
    const found = readRange(fd, from, Math.min(size, from + PROBE)).indexOf(NEWLINE);
    if (found >= 0) return from + found + 1;
  }
  return size;
};

/** The first sealed record with one of our ids that begins at or after `at`. */
export const firstSealed = (fd: number, at: number, size: number): (Found & { moment: Moment }) | undefined => {
  const scanner = new Scanner(undefined, lineStart(fd, at, size));
  // Hardly ever more than one record has to be looked at.
  for (let width = FIRST; scanner.next < size; width = Math.min(CHUNK, width * 4)) {
    for (const item of scanner.push(readRange(fd, scanner.next, Math.min(size, scanner.next + width)))) {
      const moment = item.kind === 'event' && item.event.sealed ? momentOf(item.event.msg_id) : undefined;
      if (item.kind === 'event' && moment) return { ...item, moment };
    }
  }
  return undefined;
};

/** Where to begin reading for everything after `moment`: at or before its record, after an earlier one. */
const bisect = (fd: number, size: number, moment: Moment): number => {
  let low = 0;
  let high = size;
  for (let width = PROBE; high > 0; width *= 8) {
    const at = Math.max(0, size - width);
    const found = at === 0 ? undefined : firstSealed(fd, at, high);
    if (found && !isAfter(found.moment, moment)) {
      low = found.from;
      break;
    }
    if (at === 0) break;
    high = at;
  }
  while (high - low > PROBE) {
    const middle = Math.floor((low + high) / 2);
    const found = firstSealed(fd, middle, high);
    if (found && found.from < high && !isAfter(found.moment, moment)) low = found.from;
    else high = middle;
  }
  return low;
};

/** The record of an id. Undefined when it is not where it has to be: foreign text may still hold it. */
export const locate = (fd: number, size: number, msg_id: string): Found | undefined => {
  const target = momentOf(msg_id);
  if (!target) return undefined;
  const scanner = new Scanner(undefined, bisect(fd, size, target));
  for (let width = PROBE; scanner.next < size; width = Math.min(CHUNK, width * 2)) {
    const chunk = readRange(fd, scanner.next, Math.min(size, scanner.next + width));
    for (const item of scanner.push(chunk, scanner.next + chunk.length >= size)) {
      if (item.kind !== 'event') continue;
      if (item.event.msg_id === msg_id) return item;
      const moment = item.event.sealed ? momentOf(item.event.msg_id) : undefined;
      if (moment && isAfter(moment, target)) return undefined;
    }
  }
  return undefined;
};
