import { close, constants, fstatSync, open } from 'node:fs';
import { promisify } from 'node:util';
import { ConductorError } from '../core/errors.js';
import { normaliseType } from '../core/event-type.js';
import type { Event } from '../core/event.js';
import type { BusQuery } from '../core/ports.js';
import { CHUNK, breath, busPath, readRange, storageError } from './file.js';
import { windows } from './last.js';
import { Scanner } from './scanner.js';

const openFile = promisify(open);
const closeFile = promisify(close);

export const matcher = (query: BusQuery): ((event: Event) => boolean) => {
  const types = query.types && new Set(query.types.map(normaliseType));
  return (event) =>
    (!types || types.has(event.type)) &&
    (query.project_id === undefined || event.project_id === query.project_id) &&
    (query.task_id === undefined || event.task_id === query.task_id) &&
    (query.run_id === undefined || event.run_id === query.run_id);
};

export const unknownId = (msg_id: string): ConductorError =>
  new ConductorError('not_found', `there is no message ${msg_id}`, { details: { msg_id } });

/** For reading; undefined while there is no bus yet. */
export const openToRead = async (root: string): Promise<number | undefined> => {
  try {
    return await openFile(busPath(root), constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw storageError(`cannot read ${busPath(root)}`, error);
  }
};

async function* scan(fd: number, key: Buffer, size: number): AsyncGenerator<Event> {
  const scanner = new Scanner(key);
  while (scanner.next < size) {
    const chunk = readRange(fd, scanner.next, Math.min(size, scanner.next + CHUNK));
    if (chunk.length === 0) return;
    for (const item of scanner.push(chunk, scanner.next + chunk.length >= size))
      if (item.kind === 'event') yield item.event;
    await breath();
  }
}

/** Keeps the last `count` of a stream. */
export async function* lastOf(events: AsyncIterable<Event>, count: number): AsyncGenerator<Event> {
  let kept: Event[] = [];
  for await (const event of events) {
    kept.push(event);
    if (kept.length >= 2 * count + 64) kept = kept.slice(-count);
  }
  yield* count === 0 ? [] : kept.slice(-count);
}

export async function* select(events: AsyncIterable<Event>, query: BusQuery): AsyncGenerator<Event> {
  const { since_id } = query;
  const matches = matcher(query);
  let reached = !since_id;
  for await (const event of events) {
    if (reached && matches(event)) yield event;
    reached ||= event.msg_id === since_id;
  }
  if (!reached) throw unknownId(since_id ?? '');
}

function* tail(
  fd: number,
  key: Buffer,
  size: number,
  count: number,
  matches: (event: Event) => boolean,
): Generator<Event> {
  let found: Event[] = [];
  for (const events of windows(fd, 0, size, key)) {
    found = events.filter(matches);
    if (found.length >= count) break;
  }
  yield* count === 0 ? [] : found.slice(-count);
}

/** `until`: reads no further than this byte, the end of a record. */
export async function* readBus(
  root: string,
  key: Buffer,
  query: BusQuery & { until?: number } = {},
): AsyncGenerator<Event> {
  if (query.tail !== undefined && !(Number.isInteger(query.tail) && query.tail >= 0)) {
    throw new ConductorError('bad_request', 'tail: a whole number, 0 or more', { details: { field: 'tail' } });
  }
  const fd = await openToRead(root);
  if (fd === undefined) {
    if (query.since_id) throw unknownId(query.since_id);
    return;
  }
  try {
    const size = Math.min(query.until ?? Infinity, fstatSync(fd).size);
    if (query.tail === undefined) yield* select(scan(fd, key, size), query);
    else if (query.since_id) yield* lastOf(select(scan(fd, key, size), query), query.tail);
    else yield* tail(fd, key, size, query.tail, matcher(query));
  } finally {
    await closeFile(fd);
  }
}
