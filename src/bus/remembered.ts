/**
 * What this process appended lately, as it would be read back: whoever follows the bus and stands where it was written takes
 * it from here and reads on behind it. Kept only where JSON would give back the same.
 */
import type { Draft, Event } from '../core/event.js';
import { normaliseType } from '../core/event-type.js';
import type { Receipt } from '../core/ports.js';
import { momentOf, type Moment } from './stamp.js';

/** Events; more than are ever on their way. */
const MOST = 4_096;
/** In characters, before any is escaped: below what becomes a blob. */
const MOST_TEXT = 5_000;

/** Where something was written in one go. */
export interface Place {
  /** Of the file. */
  ino: number;
  from: number;
  to: number;
}

/** What was written there. */
export interface Told {
  events: readonly Event[];
  /** Of our own facts among them. */
  newest: Moment | undefined;
  to: number;
}

const HALF = /\p{Surrogate}/u;

/** Not the same after it was written out and read. */
class Changed extends Error {}
const changed = new Changed();

/** A copy as JSON would give it back, since the caller may change what it handed over. */
class Copy {
  #left = MOST_TEXT;

  #take(size: number): void {
    this.#left -= size;
    if (this.#left < 0) throw changed;
  }

  of(value: unknown): unknown {
    this.#take(4);
    if (typeof value === 'string') {
      this.#take(value.length);
      return value;
    }
    if (Array.isArray(value)) return this.list(value);
    if (typeof value === 'object' && value !== null) return this.object(value);
    // There is no negative zero in JSON.
    if (typeof value === 'number' && Number.isFinite(value)) return value + 0;
    if (typeof value === 'boolean' || value === null) return value;
    throw changed;
  }

  list(value: readonly unknown[]): unknown[] {
    const copy = new Array<unknown>(value.length);
    for (let index = 0; index < value.length; index += 1) copy[index] = this.of(value[index]);
    return copy;
  }

  object(value: object): Record<string, unknown> {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) throw changed;
    // All at once, which takes a quarter of the time of key by key.
    const copy = { ...value } as Record<string, unknown>;
    for (const key in copy) {
      if (key === '__proto__' || key === 'toJSON') throw changed;
      const item = copy[key];
      this.#take(key.length);
      if (item === undefined) Reflect.deleteProperty(copy, key);
      else if (typeof item === 'string') this.#take(4 + item.length);
      else copy[key] = this.of(item);
    }
    return copy;
  }
}

/** All of an event but what the bus gives. In the order of the fields of a record. */
type Copied = { -readonly [Key in keyof Event]: Event[Key] };

const copyOf = (draft: Draft, own: boolean): Copied => {
  const copy = new Copy();
  const told = {
    msg_id: '',
    ts: '',
    type: normaliseType(draft.type),
    project_id: draft.project_id ?? 'default',
  } as Copied;
  if (draft.task_id !== undefined) told.task_id = draft.task_id;
  if (draft.run_id !== undefined) told.run_id = draft.run_id;
  told.source = draft.source ?? 'cli';
  if (draft.actor !== undefined) told.actor = draft.actor;
  told.parents = draft.parents === undefined ? [] : (copy.of(draft.parents) as Copied['parents']);
  told.depth = draft.depth ?? 0;
  if (draft.dedupe_key !== undefined) told.dedupe_key = draft.dedupe_key;
  told.trust = draft.trust ?? 'full';
  if (draft.issue_id !== undefined) told.issue_id = draft.issue_id;
  if (draft.meta !== undefined) told.meta = copy.object(draft.meta) as NonNullable<Copied['meta']>;
  if (draft.links !== undefined) told.links = copy.of(draft.links) as NonNullable<Copied['links']>;
  told.data = draft.data === undefined ? {} : copy.object(draft.data);
  told.body = draft.body ?? '';
  // Half a character is written as another one.
  if (HALF.test(told.body)) throw changed;
  told.sealed = true;
  told.authentic = own;
  return told;
};

/** Of the last millisecond: what is written together shares it. */
let told = { moment: '', ts: '' };

/** The time that an id of ours tells. */
const timeOf = (id: string): string => {
  const moment = id.slice(4, 23);
  if (told.moment === moment) return told.ts;
  const [day, time] = [moment.slice(0, 8), moment.slice(9, 15)];
  const ts = `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}T${time.slice(0, 2)}:${time.slice(2, 4)}:${time.slice(4)}.${moment.slice(16)}Z`;
  told = { moment, ts };
  return ts;
};

const newestOf = (events: readonly Event[]): Moment | undefined => {
  const own = events.findLast((event) => event.authentic);
  return own && momentOf(own.msg_id);
};

export class Remembered {
  /** By where they begin, the oldest first. */
  readonly #places = new Map<number, Place & { events: readonly Event[] }>();
  #count = 0;
  /** Of what is written together; undefined where some of it has to be read. */
  #together: Event[] | undefined = [];

  /** To be called with the receipts, once it is written. Throws nothing, whatever the drafts are. */
  keep(drafts: readonly Draft[], own: boolean): (receipts: readonly Receipt[]) => void {
    let copies: Copied[] | undefined;
    try {
      copies = drafts.map((draft) => copyOf(draft, own));
    } catch {
      return this.pass;
    }
    return (receipts) => {
      for (const [index, { msg_id, duplicate }] of receipts.entries()) {
        const copied = copies[index];
        if (duplicate || copied === undefined) continue;
        copied.msg_id = msg_id;
        copied.ts = timeOf(msg_id);
        this.#together?.push(copied);
      }
    };
  }

  /** Something was written that has to be read. */
  readonly pass = (): void => {
    this.#together = undefined;
  };

  /** All that was kept or passed since the last time stands here. */
  placed(place: Place | undefined): void {
    const events = this.#together ?? [];
    this.#together = [];
    if (!place || events.length === 0) return;
    this.#forget(place.from);
    this.#places.set(place.from, { ...place, events });
    this.#count += events.length;
    for (const oldest of this.#places.keys()) {
      if (this.#count <= MOST) break;
      this.#forget(oldest);
    }
  }

  /** What was written there, to the first who asks. `isThere`: whether the file has this message at that place. */
  take(ino: number, from: number, isThere: (msg_id: string) => boolean): Told | undefined {
    const place = this.#places.get(from);
    if (place?.ino !== ino) return undefined;
    this.#forget(from);
    const { events, to } = place;
    return isThere(events[0]?.msg_id ?? '') ? { events, newest: newestOf(events), to } : undefined;
  }

  #forget(from: number): void {
    this.#count -= this.#places.get(from)?.events.length ?? 0;
    this.#places.delete(from);
  }
}
