/**
 * What this process appended lately, as it will be read back: whoever reads it on then checks the bytes and need not take
 * them apart again. Only what carries no MAC, and only where JSON would give back the same.
 */
import type { Draft, Event } from '../core/event.js';
import { normaliseType } from '../core/event-type.js';
import type { Receipt } from '../core/ports.js';

/** More than are ever on their way. */
const MOST = 4_096;
/** In characters, before any is escaped: far below what becomes a blob. */
const MOST_TEXT = 4_096;

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

  text(value: string): string {
    this.#take(value.length);
    return value;
  }

  of(value: unknown): unknown {
    this.#take(4);
    if (typeof value === 'string') return this.text(value);
    if (typeof value === 'boolean' || value === null) return value;
    // There is no negative zero in JSON.
    if (typeof value === 'number' && Number.isFinite(value)) return value + 0;
    if (Array.isArray(value)) return Array.from(value, (item) => this.of(item));
    if (typeof value === 'object') return this.object(value);
    throw changed;
  }

  object(value: object): Record<string, unknown> {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) throw changed;
    const copy: Record<string, unknown> = {};
    for (const key of Object.keys(value)) {
      const item = (value as Record<string, unknown>)[key];
      if (item === undefined) continue;
      if (key === '__proto__' || key === 'toJSON') throw changed;
      copy[this.text(key)] = this.of(item);
    }
    return copy;
  }
}

/** All of an event but what the bus gives. In the order of the fields of a record. */
type Told = { -readonly [Key in keyof Event]: Event[Key] };

const toldOf = (draft: Draft): Told => {
  const copy = new Copy();
  const told = {
    msg_id: '',
    ts: '',
    type: normaliseType(draft.type),
    project_id: draft.project_id ?? 'default',
  } as Told;
  if (draft.task_id !== undefined) told.task_id = draft.task_id;
  if (draft.run_id !== undefined) told.run_id = draft.run_id;
  told.source = draft.source ?? 'cli';
  if (draft.actor !== undefined) told.actor = draft.actor;
  told.parents = draft.parents === undefined ? [] : (copy.of(draft.parents) as Told['parents']);
  told.depth = draft.depth ?? 0;
  if (draft.dedupe_key !== undefined) told.dedupe_key = draft.dedupe_key;
  told.trust = draft.trust ?? 'full';
  if (draft.issue_id !== undefined) told.issue_id = draft.issue_id;
  if (draft.meta !== undefined) told.meta = copy.object(draft.meta) as NonNullable<Told['meta']>;
  if (draft.links !== undefined) told.links = copy.of(draft.links) as NonNullable<Told['links']>;
  told.data = draft.data === undefined ? {} : copy.object(draft.data);
  told.body = draft.body ?? '';
  // Half a character is written as another one.
  if (HALF.test(told.body)) throw changed;
  told.sealed = true;
  told.authentic = false;
  return told;
};

/** The time that an id of ours tells. */
const timeOf = (id: string): string =>
  `${id.slice(4, 8)}-${id.slice(8, 10)}-${id.slice(10, 12)}T${id.slice(13, 15)}:${id.slice(15, 17)}:${id.slice(17, 19)}.${id.slice(20, 23)}Z`;

export class Remembered {
  readonly #events = new Map<string, Event>();

  /** To be called with the receipts. Throws nothing, whatever the drafts are. */
  keep(drafts: readonly Draft[]): (receipts: readonly Receipt[]) => void {
    const all = drafts.map((draft) => {
      try {
        return toldOf(draft);
      } catch {
        return undefined;
      }
    });
    return (receipts) => {
      for (const [index, { msg_id, duplicate }] of receipts.entries()) {
        const told = all[index];
        if (duplicate || told === undefined) continue;
        told.msg_id = msg_id;
        told.ts = timeOf(msg_id);
        this.#events.set(msg_id, told);
        if (this.#events.size > MOST) this.#forgetOldest();
      }
    };
  }

  get isEmpty(): boolean {
    return this.#events.size === 0;
  }

  get(msg_id: string): Event | undefined {
    return this.#events.get(msg_id);
  }

  /** It was read. */
  forget(msg_id: string): void {
    this.#events.delete(msg_id);
  }

  #forgetOldest(): void {
    for (const oldest of this.#events.keys()) {
      this.#events.delete(oldest);
      return;
    }
  }
}
