/** The dedupe keys of the bus, read up incrementally. A cache: the bus itself decides. */
import type { Event } from '../core/event.js';
import { CHUNK, readRange } from './file.js';
import { Scanner } from './scanner.js';

export class KnownKeys {
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

  reset(): void {
    this.#first.clear();
    this.#own.clear();
    this.#scanner = new Scanner(this.#key);
  }

  add(event: Pick<Event, 'dedupe_key' | 'msg_id' | 'sealed' | 'authentic'>): void {
    const { dedupe_key, msg_id } = event;
    if (dedupe_key === undefined || !event.sealed) return;
    if (!this.#first.has(dedupe_key)) this.#first.set(dedupe_key, msg_id);
    if (event.authentic && !this.#own.has(dedupe_key)) this.#own.set(dedupe_key, msg_id);
  }
}
