/** The dedupe keys of the bus: of the live file in memory, of closed segments by their index. A cache: the bus itself decides. */
import { closeSync, fstatSync } from 'node:fs';
import type { Event } from '../core/event.js';
import { breath, readRange, STRETCH } from './file.js';
import { indexBeside } from './index-thread.js';
import { lastMomentIn } from './last.js';
import { Scanner } from './scanner.js';
import { buildIndex, hash, loadIndex, readRow, rowsOfKey, type Row, type SegmentIndex } from './segment-index.js';
import { closedSegments, openToRead, type Segment } from './segments.js';

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

  /** How far they are known. */
  get next(): number {
    return this.#scanner.next;
  }

  /** Reads one chunk on towards `size`; true when it is reached. */
  step(fd: number, size: number): boolean {
    if (size < this.#scanner.next) this.reset();
    const chunk = readRange(fd, this.#scanner.next, Math.min(size, this.#scanner.next + STRETCH));
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
  segment: Segment;
  /** ms; undefined when it has none of our ids. */
  last: number | undefined;
  /** Of its index; as they were known while it was the live file, until its index stands. */
  held: Uint32Array | LiveKeys;
}

/** Keys of the closed segments, as far back as a key counts. */
export class ClosedKeys {
  readonly #root: string;
  readonly #key: Buffer;
  /** By path: the keys of segments that were closed since `prepare`. */
  readonly #handed = new Map<string, LiveKeys>();
  readonly #stop = new AbortController();
  readonly #indexer: string | undefined;
  #tables: Keys[] = [];
  #ready = false;
  #indexing = Promise.resolve();

  /** `indexer`: file of the thread that builds indexes for which nobody waits; missing: they are built here. */
  constructor(root: string, key: Buffer, indexer?: string) {
    this.#root = root;
    this.#key = key;
    this.#indexer = indexer;
  }

  /** False after `forget`, until `prepare` was through. */
  get isReady(): boolean {
    return this.#ready;
  }

  /** Another segment may have been closed. */
  forget(): void {
    this.#ready = false;
  }

  /** The keys of what was the live file, and is closed now under this path: nobody has to wait for its index. */
  hand(path: string, keys: LiveKeys): void {
    this.#handed.set(path, keys);
  }

  /** Of each segment with a message younger than `since` (ms). Only where nothing was handed over is a missing index waited for. */
  async prepare(since: number): Promise<void> {
    const closed = closedSegments(this.#root);
    const have = new Map(this.#tables.map((keys) => [keys.segment.path, keys]));
    const tables: Keys[] = [];
    for (let at = closed.length - 1; at >= 0; at -= 1) {
      const segment = closed[at];
      if (!segment) continue;
      const keys = have.get(segment.path) ?? (await this.#keysOf(segment, closed.slice(0, at)));
      if (!keys) continue;
      if (keys.last !== undefined && keys.last < since) break;
      tables.push(keys);
    }
    this.#tables = tables.reverse();
    this.#handed.clear();
    this.#ready = true;
  }

  async #keysOf(segment: Segment, before: readonly Segment[]): Promise<Keys | undefined> {
    const handed = this.#handed.get(segment.path);
    const index = loadIndex(this.#root, segment) ?? (handed ? undefined : await this.#build(segment, before));
    await breath();
    if (index) return { segment, last: index.summary.last?.ms, held: index.keyTable() };
    return handed && this.#take(segment, before, handed);
  }

  /** What was handed over, with what others wrote before it was closed. Its index is built meanwhile. */
  async #take(segment: Segment, before: readonly Segment[], held: LiveKeys): Promise<Keys | undefined> {
    const fd = openToRead(segment.path);
    if (fd === undefined) return undefined;
    try {
      const { size } = fstatSync(fd);
      while (!held.step(fd, size)) await breath();
    } finally {
      closeSync(fd);
    }
    const keys: Keys = { segment, last: lastMomentIn([segment])?.ms, held };
    const index = async (): Promise<void> => {
      const built = (await this.#buildBeside(segment, before)) ?? (await this.#build(segment, before));
      keys.held = built?.keyTable() ?? held;
    };
    // An index that cannot be built costs memory, and nothing else.
    this.#indexing = this.#indexing.then(index).catch(() => undefined);
    return keys;
  }

  /** In a thread of its own; undefined where there is none, or it failed. */
  async #buildBeside(segment: Segment, before: readonly Segment[]): Promise<SegmentIndex | undefined> {
    if (this.#indexer === undefined) return undefined;
    const newest = lastMomentIn(before, this.#key);
    await indexBeside(this.#indexer, { root: this.#root, segment, key: this.#key, newest }, this.#stop.signal);
    return loadIndex(this.#root, segment);
  }

  #build(segment: Segment, before: readonly Segment[]): Promise<SegmentIndex | undefined> {
    return buildIndex(this.#root, segment, this.#key, lastMomentIn(before, this.#key), this.#stop.signal);
  }

  find(dedupe_key: string, own: boolean): string | undefined {
    if (this.#tables.length === 0) return undefined;
    const wanted = hash(dedupe_key);
    for (const { segment, held } of this.#tables) {
      const found =
        held instanceof LiveKeys
          ? held.find(dedupe_key, own)
          : this.#look(segment, rowsOfKey(held, wanted), dedupe_key, own);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #look({ path }: Segment, rows: readonly Row[], dedupe_key: string, own: boolean): string | undefined {
    const fd = rows.length === 0 ? undefined : openToRead(path);
    if (fd === undefined) return undefined;
    try {
      for (const row of rows) {
        const event = readRow(fd, row, this.#key);
        if (event?.sealed && event.dedupe_key === dedupe_key && (!own || event.authentic)) return event.msg_id;
      }
    } finally {
      closeSync(fd);
    }
    return undefined;
  }

  /** An index that is being built is given up: whoever needs it next builds it. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#indexing;
  }
}
