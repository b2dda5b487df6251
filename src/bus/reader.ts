/** Reading what is there now, segment by segment. The cost is what is read, not the size of the bus. */
import { closeSync, fstatSync } from 'node:fs';
import type { Event } from '../core/event.js';
import type { BusQuery, DamagedRange } from '../core/ports.js';
import { withBlobs } from './blobs.js';
import type { Position } from './cursor.js';
import { Damage } from './damage.js';
import { breath, readInto } from './file.js';
import { backwards, lastMoment, lastMomentIn } from './last.js';
import { firstSealed, locate } from './locate.js';
import { checkTail, matcher, unknownId, wantedBy } from './query.js';
import { Scanner, type Item } from './scanner.js';
import { loadIndex, readRow } from './segment-index.js';
import { openToRead, snapshot, type Segment } from './segments.js';
import { isAfter, momentOf, type Moment } from './stamp.js';

/** What is read at once, and lies in memory as messages until whoever asked has taken it. */
const STRETCH = 256 * 1024;

export type ReadQuery = BusQuery & {
  /** Reads no further than this, the end of a record. */
  until?: Position;
  /** What cannot be read, where it is come across. The end of the live file may still be under way, and is not told. */
  onDamaged?: (damaged: DamagedRange) => void;
};

interface Part extends Segment {
  fd: number;
  size: number;
  live: boolean;
}

/** The segments oldest first; each is open while it is looked at, the live one from the beginning. */
class Parts {
  readonly #segments: readonly Segment[];
  readonly #live: Part | undefined;
  readonly #until: Position | undefined;

  constructor(root: string, until: Position | undefined) {
    const { closed, live } = snapshot(root);
    this.#live = live && { ...live, size: fstatSync(live.fd).size };
    this.#segments = [...closed, ...(live ? [live] : [])].filter((one) => !until || one.number <= until.segment);
    this.#until = until;
  }

  get count(): number {
    return this.#segments.length;
  }

  before(index: number): readonly Segment[] {
    return this.#segments.slice(0, index);
  }

  /** Undefined when it went meanwhile, by retention. */
  open(index: number): Part | undefined {
    const segment = this.#segments[index];
    if (!segment) return undefined;
    const limit = this.#until?.segment === segment.number ? this.#until.offset : Infinity;
    if (segment.number === this.#live?.number && segment.path === this.#live.path)
      return { ...this.#live, size: Math.min(limit, this.#live.size) };
    const fd = openToRead(segment.path);
    return fd === undefined ? undefined : { ...segment, fd, size: Math.min(limit, fstatSync(fd).size), live: false };
  }

  /** Of what `open` gave. */
  done(part: Part): void {
    if (!part.live) closeSync(part.fd);
  }

  close(): void {
    if (this.#live) closeSync(this.#live.fd);
  }
}

/** Where the reading begins: in this part, at this byte. */
interface Start {
  index: number;
  offset: number;
}

const BEGINNING: Start = { index: 0, offset: 0 };

/** The record of an id, by its place in the order. */
const placeOf = (parts: Parts, msg_id: string): { index: number; from: number; to: number } | undefined => {
  const target = momentOf(msg_id);
  if (!target) return undefined;
  for (let index = parts.count - 1; index >= 0; index -= 1) {
    const part = parts.open(index);
    if (!part) continue;
    try {
      const first = firstSealed(part.fd, 0, part.size);
      if (!first || isAfter(first.moment, target)) continue;
      const found = locate(part.fd, part.size, msg_id);
      return found && { index, from: found.from, to: found.to };
    } finally {
      parts.done(part);
    }
  }
  return undefined;
};

/** The messages among the items; what is damaged is told. */
const eventsIn = (part: Part, items: readonly Item[], damage: Damage): Event[] => {
  const { path: file, number: segment } = part;
  const events: Event[] = [];
  for (const item of items) {
    if (item.kind === 'event') {
      damage.end();
      events.push(item.event);
    } else if (!part.live || item.to < part.size) {
      damage.add({ file, segment, from: item.from, to: item.to, reason: item.reason });
    }
  }
  return events;
};

async function* scan(parts: Parts, start: Start, key: Buffer, query: ReadQuery): AsyncGenerator<Event[]> {
  const wanted = wantedBy(query);
  const damage = new Damage((range) => query.onDamaged?.(range));
  let newest: Moment | undefined;
  for (let { index, offset } = start; index < parts.count; index += 1, offset = 0) {
    const part = parts.open(index);
    if (!part) continue;
    try {
      if (index === start.index && (index > 0 || offset > 0))
        newest = lastMoment(part.fd, 0, offset, key) ?? lastMomentIn(parts.before(index), key);
      const scanner = new Scanner(key, offset, newest, { wanted });
      while (scanner.next < part.size) {
        const from = scanner.next;
        const count = readInto(part.fd, scanner.room(Math.min(STRETCH, part.size - from)), from);
        if (count === 0) break;
        yield eventsIn(part, scanner.took(count, from + count >= part.size), damage);
        await breath();
      }
      // Of the live file the end may still be under way.
      if (!part.live) yield eventsIn(part, scanner.end(), damage);
      newest = scanner.newest ?? newest;
    } finally {
      damage.end();
      parts.done(part);
    }
  }
}

/** The last `count` of one part that match, in file order. */
const lastOfPart = (root: string, part: Part, key: Buffer, query: BusQuery, count: number): Event[] => {
  const matches = matcher(query);
  const found: Event[] = [];
  const index = part.live ? undefined : loadIndex(root, part);
  if (index) {
    for (const row of [...index.rows(query)].reverse()) {
      const event = readRow(part.fd, row, key);
      if (event && matches(event)) found.push(event);
      if (found.length >= count) break;
    }
    return found.reverse();
  }
  const windows: Event[][] = [];
  let left = count;
  for (const events of backwards(part.fd, 0, part.size, key)) {
    const matching = events.filter(matches);
    windows.push(matching);
    left -= matching.length;
    if (left <= 0) break;
  }
  return windows.reverse().flat().slice(-count);
};

const lastOfAll = (root: string, parts: Parts, key: Buffer, query: BusQuery, count: number): Event[] => {
  let found: Event[] = [];
  for (let index = parts.count - 1; index >= 0 && found.length < count; index -= 1) {
    const part = parts.open(index);
    if (!part) continue;
    try {
      found = [...lastOfPart(root, part, key, query, count - found.length), ...found];
    } finally {
      parts.done(part);
    }
  }
  return found;
};

/** Keeps the last `count` of a stream. */
export async function* lastOf(batches: AsyncIterable<Event[]>, count: number): AsyncGenerator<Event[]> {
  let kept: Event[] = [];
  for await (const events of batches) {
    kept.push(...events);
    if (kept.length >= 2 * count + 64) kept = count === 0 ? [] : kept.slice(-count);
  }
  yield count === 0 ? [] : kept.slice(-count);
}

export async function* select(batches: AsyncIterable<Event[]>, query: BusQuery): AsyncGenerator<Event[]> {
  const { since_id } = query;
  const matches = matcher(query);
  let reached = !since_id;
  for await (const events of batches) {
    if (reached) {
      yield events.filter(matches);
      continue;
    }
    const index = events.findIndex((event) => event.msg_id === since_id);
    if (index < 0) continue;
    reached = true;
    yield events.slice(index + 1).filter(matches);
  }
  if (!reached) throw unknownId(since_id ?? '');
}

async function* one(parts: Parts, key: Buffer, msg_id: string): AsyncGenerator<Event[]> {
  const place = placeOf(parts, msg_id);
  const start = place ? { index: place.index, offset: place.from } : BEGINNING;
  for await (const events of scan(parts, start, key, {})) {
    const found = events.find((event) => event.msg_id === msg_id);
    if (!found) continue;
    yield [found];
    return;
  }
}

async function* batches(root: string, parts: Parts, key: Buffer, query: ReadQuery): AsyncGenerator<Event[]> {
  const { since_id, tail, msg_id, ...filter } = query;
  if (msg_id !== undefined) {
    yield* one(parts, key, msg_id);
    return;
  }
  if (tail !== undefined && !since_id) {
    if (tail > 0) yield lastOfAll(root, parts, key, filter, tail);
    return;
  }
  const place = since_id ? placeOf(parts, since_id) : undefined;
  const start = since_id ? place && { index: place.index, offset: place.to } : BEGINNING;
  // An id that is not where it has to be may still stand in foreign text: then everything is read.
  const selected = start
    ? select(scan(parts, start, key, filter), filter)
    : select(scan(parts, BEGINNING, key, {}), query);
  yield* tail === undefined ? selected : lastOf(selected, tail);
}

/** In batches of at most some thousands. */
export async function* readBatches(root: string, key: Buffer, query: ReadQuery = {}): AsyncGenerator<Event[]> {
  checkTail(query);
  const parts = new Parts(root, query.until);
  try {
    for await (const events of batches(root, parts, key, query)) yield (await withBlobs(root, events)) ?? events;
  } finally {
    parts.close();
  }
}

export async function* readBus(root: string, key: Buffer, query: ReadQuery = {}): AsyncGenerator<Event> {
  for await (const events of readBatches(root, key, query)) yield* events;
}
