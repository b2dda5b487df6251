/** The dedupe keys of the bus: of the live file in memory, of closed segments by their index. A cache: the bus itself decides. */
import { closeSync } from 'node:fs';
import type { Event } from '../core/event.js';
import { CHUNK, breath, readRange } from './file.js';
import { lastMomentIn } from './last.js';
import { Scanner } from './scanner.js';
import { buildIndex, loadIndex, readRow, rowsOfKey } from './segment-index.js';
import { closedSegments, openToRead } from './segments.js';

type Known = Pick<Event, 'dedupe_key' | 'msg_id' | 'sealed' | 'authentic'>;

/** A record as its writer knows it. */
export interface Written {
  msg_id: string;
  dedupe_key: string;
  own: boolean;
}

/** Keys of one file, in memory. */
export class LiveKeys {
  readonly #first = new Map<string, string>();
  /** Our own facts are only ever a duplicate of our own facts: nobody can claim their keys beforehand. */
  readonly #own = new Map<string, string>();
  readonly #key: Buffer;
  #scanner: Scanner;

  constructor(key: Buffer) {
    this.#key = key;
    this.#scanner = new Scanner(key);
  }

  find(dedupe_key: string, own: boolean): string | undefined {
    return (own ? this.#own : this.#first).get(dedupe_key);
  }

  /** Reads one chunk on towards `size`; true when it is reached. */
  step(fd: number, size: number): boolean {
    if (size < this.#scanner.next) this.reset();
    const chunk = readRange(fd, this.#scanner.next, Math.min(size, this.#scanner.next + CHUNK));
    for (const item of this.#scanner.push(chunk)) if (item.kind === 'event') this.add(item.event);
    return chunk.length === 0 || this.#scanner.next >= size;
  }

  catchUp(fd: number, size: number): void {
    while (!this.step(fd, size));
  }

  /** What was just written from `from` to `to` need not be read again, where everything before it was. */
  skip(from: number, to: number, keyed: readonly Written[], newest = this.#scanner.newest): void {
    if (this.#scanner.position !== from || this.#scanner.next !== from) return;
    for (const { own, dedupe_key, msg_id } of keyed) this.#note(dedupe_key, msg_id, own);
    this.#scanner = new Scanner(this.#key, to, newest);
  }

  reset(): void {
    this.#first.clear();
    this.#own.clear();
    this.#scanner = new Scanner(this.#key);
  }

  add(event: Known): void {
    const { dedupe_key, msg_id } = event;
    if (dedupe_key !== undefined && event.sealed) this.#note(dedupe_key, msg_id, event.authentic);
  }

  #note(dedupe_key: string, msg_id: string, own: boolean): void {
    if (!this.#first.has(dedupe_key)) this.#first.set(dedupe_key, msg_id);
    if (own && !this.#own.has(dedupe_key)) this.#own.set(dedupe_key, msg_id);
  }
}

interface Keys {
  path: string;
  /** ms; undefined when it has none of our ids. */
  last: number | undefined;
  table: Uint32Array;
}

/** Keys of the closed segments, as far back as a key counts. */
export class ClosedKeys {
  readonly #root: string;
  readonly #key: Buffer;
  #tables: Keys[] = [];
  #ready = false;

  constructor(root: string, key: Buffer) {
    this.#root = root;
    this.#key = key;
  }

  /** False after `forget`, until `prepare` was through. */
  get isReady(): boolean {
    return this.#ready;
  }

  /** Another segment may have been closed. */
  forget(): void {
    this.#ready = false;
  }

  /** Loads or builds the index of each segment with a message younger than `since` (ms). */
  async prepare(since: number): Promise<void> {
    const closed = closedSegments(this.#root);
    const have = new Map(this.#tables.map((keys) => [keys.path, keys]));
    const tables: Keys[] = [];
    for (let at = closed.length - 1; at >= 0; at -= 1) {
      const segment = closed[at];
      if (!segment) continue;
      let keys = have.get(segment.path);
      if (!keys) {
        const index =
          loadIndex(this.#root, segment) ??
          (await buildIndex(this.#root, segment, this.#key, lastMomentIn(closed.slice(0, at), this.#key)));
        if (!index) continue;
        keys = { path: segment.path, last: index.summary.last?.ms, table: index.keyTable() };
        await breath();
      }
      if (keys.last !== undefined && keys.last < since) break;
      tables.push(keys);
    }
    this.#tables = tables.reverse();
    this.#ready = true;
  }

  find(dedupe_key: string, own: boolean): string | undefined {
    for (const { path, table } of this.#tables) {
      const rows = rowsOfKey(table, dedupe_key);
      if (rows.length === 0) continue;
      const fd = openToRead(path);
      if (fd === undefined) continue;
      try {
        for (const row of rows) {
          const event = readRow(fd, row, this.#key);
          if (event?.sealed && event.dedupe_key === dedupe_key && (!own || event.authentic)) return event.msg_id;
        }
      } finally {
        closeSync(fd);
      }
    }
    return undefined;
  }
}
