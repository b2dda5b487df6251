import { deserialize, serialize } from 'node:v8';
import type { Event } from '../core/event.js';
import type { UndecidedEvents } from '../core/ledger-view.js';

/** Events in one part. */
const PART = 4_096;

type Part = Map<string, Event>;

/** A part that nobody looks at for now: a fifth of the memory, and nothing for the garbage collector. */
interface Packed {
  count: number;
  first: string;
  /** The least and the greatest id: a record that somebody copied may stand out of order. */
  least: string;
  greatest: string;
  bytes: Uint8Array;
}

const pack = (part: Part): Packed => {
  const ids = [...part.keys()];
  const [first = ''] = ids;
  const least = ids.reduce((one, other) => (other < one ? other : one), first);
  const greatest = ids.reduce((one, other) => (other > one ? other : one), first);
  return { count: ids.length, first, least, greatest, bytes: serialize([...part.values()]) };
};

const unpack = ({ bytes }: Packed): Part =>
  new Map((deserialize(bytes) as Event[]).map((event) => [event.msg_id, event]));

/** Those that were said while nobody decided may be a million, so between the oldest and the newest they lie packed. */
export class Backlog implements UndecidedEvents {
  /** In bus order; the first and the last two are not packed. */
  #parts: (Part | Packed)[] = [new Map()];
  #looked: { packed: Packed; part: Part } | undefined;

  static of(events: Iterable<Event>): Backlog {
    const backlog = new Backlog();
    for (const event of events) backlog.add(event);
    return backlog;
  }

  /** Of what `parts` gave. @throws TypeError when it is something else */
  static ofParts(parts: unknown): Backlog {
    if (!Array.isArray(parts)) throw new TypeError('these are no parts');
    const backlog = new Backlog();
    backlog.#parts = parts as (Part | Packed)[];
    return backlog;
  }

  /** As it is stored. */
  get parts(): readonly (Part | Packed)[] {
    return this.#parts;
  }

  get size(): number {
    return this.#parts.reduce((sum, part) => sum + (part instanceof Map ? part.size : part.count), 0);
  }

  get first(): string | undefined {
    const [part] = this.#parts;
    return part instanceof Map ? part.keys().next().value : part?.first;
  }

  get(msg_id: string): Event | undefined {
    for (const part of this.#parts) {
      const among = part instanceof Map ? part : this.#lookInto(part, msg_id);
      const event = among?.get(msg_id);
      if (event) return event;
    }
    return undefined;
  }

  add(event: Event): void {
    let newest = this.#parts.at(-1);
    if (!(newest instanceof Map) || newest.size >= PART) {
      this.#parts.push((newest = new Map()));
      const index = this.#parts.length - 3;
      const part = this.#parts[index];
      if (index > 0 && part instanceof Map) this.#parts[index] = pack(part);
    }
    newest.set(event.msg_id, event);
  }

  removeTo(msg_id: string): void {
    for (;;) {
      const [part] = this.#parts;
      if (part === undefined) break;
      if (!(part instanceof Map)) {
        if (part.greatest > msg_id) this.#parts[0] = unpack(part);
        else this.#parts.shift();
        continue;
      }
      for (const id of part.keys()) {
        if (id > msg_id) return;
        part.delete(id);
      }
      this.#parts.shift();
    }
    this.clear();
  }

  clear(): void {
    this.#parts = [new Map()];
  }

  *values(): IterableIterator<Event> {
    for (const part of this.#parts) yield* (part instanceof Map ? part : unpack(part)).values();
  }

  #lookInto(packed: Packed, msg_id: string): Part | undefined {
    if (msg_id < packed.least || msg_id > packed.greatest) return undefined;
    if (this.#looked?.packed !== packed) this.#looked = { packed, part: unpack(packed) };
    return this.#looked.part;
  }
}
