import type { Observable } from 'rxjs';
import type { Draft, Event } from '../event.js';

/** A position in the bus. Opaque: only the bus that gave it can read it. */
export type Cursor = string;

export interface Receipt {
  msg_id: string;
  /** True when the dedupe key was known: `msg_id` is then the first message's. */
  duplicate: boolean;
}

/** A stretch of the bus that could not be read as records. */
export interface DamagedRange {
  file: string;
  /** A file's name changes when it is closed, its number never. */
  segment: number;
  from: number;
  to: number;
  reason: string;
}

export interface Batch {
  events: readonly Event[];
  /** Just after the last event. */
  cursor: Cursor;
  damaged: readonly DamagedRange[];
}

export interface BusQuery {
  /** This one alone, and nothing where there is none; found by its place, without reading what is before it. */
  msg_id?: string;
  /** After this message; `""` is the beginning. An unknown id is `not_found`. */
  since_id?: string;
  /** Only the last n that match. */
  tail?: number;
  /** Normalised types. */
  types?: readonly string[];
  project_id?: string;
  task_id?: string;
  run_id?: string;
}

export interface Bus {
  /** Resolves when durable. A reserved type is refused with `reserved_type`; nothing of the call is then written. */
  append(drafts: readonly Draft[]): Promise<Receipt[]>;
  /** As append, for our own facts: reserved types are allowed, and every record carries the root's MAC. */
  record(drafts: readonly Draft[]): Promise<Receipt[]>;
  /** Everything after the cursor (undefined: the beginning), then live, in order. Unsubscribing stops it. */
  follow(cursor?: Cursor): Observable<Batch>;
  read(query?: BusQuery): AsyncIterable<Event>;
  /** Just after the last record now. */
  end(): Promise<Cursor>;
  close(): Promise<void>;
}

/** Bytes too large for a record, kept by their hash. */
export interface Blobs {
  /** Resolves when durable; a record that names them is appended afterwards. `storage` when they cannot be. */
  put(bytes: Uint8Array): Promise<{ sha256: string; bytes: number }>;
  get(sha256: string): Promise<Uint8Array | undefined>;
}
