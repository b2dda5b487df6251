/**
 * What a closed segment holds, so that it need not be read through: a row a message, and the dedupe keys in the order of
 * their hashes. A cache under `.conductor/cache/bus/`: it may be deleted, and one that does not fit its segment is not used.
 */
import { closeSync, fstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Event } from '../core/event.js';
import { uniqueSuffix } from './crypto.js';
import { breath, readRange, STRETCH } from './file.js';
import { Scanner } from './scanner.js';
import { openToRead, type Segment } from './segments.js';
import { momentOf, type Moment } from './stamp.js';

const VERSION = 1;
const ROW = 7;
const KEY = 4;
const AUTHENTIC = 0x8000_0000;
const LENGTH = 0x7fff_ffff;
const WORD = 2 ** 32;

interface Summary {
  version: number;
  /** Of the segment, as it was indexed. */
  size: number;
  mtime: number;
  rows: number;
  keys: number;
  first?: Moment;
  last?: Moment;
  damaged: { from: number; to: number; reason: string }[];
}

export interface Row {
  offset: number;
  length: number;
  authentic: boolean;
}

export interface RowFilter {
  types?: readonly string[];
  project_id?: string | undefined;
  task_id?: string | undefined;
  run_id?: string | undefined;
}

export interface SegmentIndex {
  readonly segment: Segment;
  readonly summary: Readonly<Summary>;
  /** In file order. By hash: each is to be checked when read. */
  rows(filter: RowFilter): Generator<Row>;
  /** Of all dedupe keys, small enough to be kept; `rowsOfKey` reads it. */
  keyTable(): Uint32Array;
}

export const hash = (text: string | undefined): number => (text === undefined ? 0 : crc32(text) >>> 0);

/** The rows whose dedupe key may be the one of this hash, in file order. */
export const rowsOfKey = (table: Uint32Array, wanted: number): Row[] => {
  let low = 0;
  let high = table.length / KEY;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((table[KEY * middle] ?? 0) < wanted) low = middle + 1;
    else high = middle;
  }
  const found: Row[] = [];
  for (; table[KEY * low] === wanted; low += 1) found.push(rowAt(table, KEY * low + 1));
  return found;
};

const pathOf = (root: string, segment: Segment): string =>
  join(root, '.conductor', 'cache', 'bus', `${basename(segment.path)}.index`);

const rowAt = (words: Uint32Array, at: number): Row => {
  const length = words[at + 2] ?? 0;
  return {
    offset: (words[at] ?? 0) + WORD * (words[at + 1] ?? 0),
    length: length & LENGTH,
    authentic: length >= AUTHENTIC,
  };
};

/**
 * Layout, in 32-bit words: length of the summary, the summary (JSON), keys × (hash, offset in two words, length), rows ×
 * (offset in two words, length, hashes of type, project, task, run), checksum of all before.
 */
const pack = (summary: Summary, keys: readonly (readonly [number, number])[], rows: readonly number[]): Buffer => {
  const json = Buffer.from(JSON.stringify(summary));
  const words = 1 + Math.ceil(json.length / 4) + KEY * keys.length + rows.length + 1;
  const buffer = Buffer.alloc(words * 4, ' ');
  const view = new Uint32Array(buffer.buffer, buffer.byteOffset, words);
  view[0] = json.length;
  json.copy(buffer, 4);
  let at = 1 + Math.ceil(json.length / 4);
  for (const [key, row] of keys) {
    view[at] = key;
    view.set(rows.slice(ROW * row, ROW * row + 3), at + 1);
    at += KEY;
  }
  view.set(rows, at);
  view[words - 1] = crc32(buffer.subarray(0, -4));
  return buffer;
};

const unpack = (segment: Segment, file: Buffer): SegmentIndex | undefined => {
  const buffer = file.byteOffset % 4 === 0 ? file : Buffer.from(new Uint8Array(file).buffer);
  if (buffer.length < 12 || buffer.length % 4 !== 0) return undefined;
  const words = new Uint32Array(buffer.buffer, buffer.byteOffset, buffer.length / 4);
  if (words[words.length - 1] !== crc32(buffer.subarray(0, -4))) return undefined;
  const json = words[0] ?? 0;
  const summary = JSON.parse(buffer.toString('utf8', 4, 4 + json)) as Summary;
  if (summary.version !== VERSION) return undefined;
  const keysAt = 1 + Math.ceil(json / 4);
  const rowsAt = keysAt + KEY * summary.keys;
  return {
    segment,
    summary,
    *rows(filter) {
      const types = filter.types && new Set(filter.types.map(hash));
      const scope = [filter.project_id, filter.task_id, filter.run_id].map((value) =>
        value === undefined ? undefined : hash(value),
      );
      for (let index = 0; index < summary.rows; index += 1) {
        const at = rowsAt + ROW * index + 3;
        if (types && !types.has(words[at] ?? 0)) continue;
        if (scope.some((value, part) => value !== undefined && words[at + 1 + part] !== value)) continue;
        yield rowAt(words, rowsAt + ROW * index);
      }
    },
    keyTable: () => words.slice(keysAt, rowsAt),
  };
};

/** The index of a closed segment; undefined when there is none that fits. */
export const loadIndex = (root: string, segment: Segment): SegmentIndex | undefined => {
  const fd = openToRead(segment.path);
  if (fd === undefined) return undefined;
  try {
    const { size, mtimeMs } = fstatSync(fd);
    const index = unpack(segment, readFileSync(pathOf(root, segment)));
    return index?.summary.size === size && index.summary.mtime === mtimeMs ? index : undefined;
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
};

/** Reads the segment through. `newest`: of our own facts before it. Undefined when the segment is gone, or `stop` was told. */
export const buildIndex = async (
  root: string,
  segment: Segment,
  key: Buffer,
  newest: Moment | undefined,
  stop?: AbortSignal,
): Promise<SegmentIndex | undefined> => {
  const fd = openToRead(segment.path);
  if (fd === undefined) return undefined;
  try {
    const { size, mtimeMs } = fstatSync(fd);
    const summary: Summary = { version: VERSION, size, mtime: mtimeMs, rows: 0, keys: 0, damaged: [] };
    const rows: number[] = [];
    const keys: [number, number][] = [];
    const take = (items: ReturnType<Scanner['push']>): void => {
      for (const item of items) {
        if (item.kind === 'damaged') {
          summary.damaged.push({ from: item.from, to: item.to, reason: item.reason });
          continue;
        }
        const { event, from, to } = item;
        if (event.dedupe_key !== undefined && event.sealed) keys.push([hash(event.dedupe_key), summary.rows]);
        const moment = event.sealed ? momentOf(event.msg_id) : undefined;
        if (moment) {
          summary.first ??= moment;
          summary.last = moment;
        }
        const length = (to - from) | (event.authentic ? AUTHENTIC : 0);
        rows.push(
          from % WORD,
          Math.floor(from / WORD),
          length >>> 0,
          hash(event.type),
          hash(event.project_id),
          hash(event.task_id),
          hash(event.run_id),
        );
        summary.rows += 1;
      }
    };
    const scanner = new Scanner(key, 0, newest);
    while (scanner.next < size) {
      const chunk = readRange(fd, scanner.next, Math.min(size, scanner.next + STRETCH));
      if (chunk.length === 0) break;
      take(scanner.push(chunk));
      await breath();
      if (stop?.aborted) return undefined;
    }
    take(scanner.end());
    summary.keys = keys.length;
    keys.sort((left, right) => left[0] - right[0] || left[1] - right[1]);
    const bytes = pack(summary, keys, rows);
    store(pathOf(root, segment), bytes);
    return unpack(segment, bytes);
  } finally {
    closeSync(fd);
  }
};

/** A cache that cannot be written is only slower. */
const store = (path: string, bytes: Buffer): void => {
  const partial = `${path}.${uniqueSuffix()}`;
  try {
    mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
    writeFileSync(partial, bytes, { mode: 0o600 });
    renameSync(partial, path);
  } catch {
    rmSync(partial, { force: true });
  }
};

export const removeIndex = (root: string, segment: Segment): void => {
  rmSync(pathOf(root, segment), { force: true });
};

/** The message of a row, if it is still there. */
export const readRow = (fd: number, row: Row, key: Buffer | undefined): Event | undefined => {
  const [item] = new Scanner(key, row.offset).push(readRange(fd, row.offset, row.offset + row.length), true);
  if (item?.kind !== 'event') return undefined;
  return { ...item.event, authentic: item.event.authentic && row.authentic };
};
