import type { Observable } from 'rxjs';
import type { Draft, Event } from '../event.js';
import type { LedgerView } from '../ledger-view.js';
import type { Receipt } from './bus.js';

/** Where a fold of the bus may go on from. A cache: without it the whole bus is folded. */
export interface CheckpointFile {
  /** Undefined where there is none that can be believed. */
  load(): Promise<Uint8Array | undefined>;
  /** Missing: whoever opened it only reads. */
  save?(content: Uint8Array): Promise<void>;
  /** Of the program: another one may fold differently. */
  version: string;
}

/** A fact is a draft of a reserved type; its shapes are in ledger-view.ts. */
export interface Ledger {
  /** The fold so far; a new object never, so read it at once and keep nothing. */
  readonly view: LedgerView;
  /** Each event after it was folded in, in bus order; hot, from the moment of subscription. */
  readonly folded$: Observable<Event>;
  /** Resolves when the message, and all before it, is folded in. */
  until(msg_id: string): Promise<void>;
  /** Resolves when the facts are durable and folded in. */
  record(facts: readonly Draft[]): Promise<Receipt[]>;
  close(): Promise<void>;
}
