import type { Observable } from 'rxjs';
import type { Draft } from '../event.js';
import type { Receipt } from './bus.js';

/** Drafts from outside, and the answer to whoever sent them. */
export interface Arrival {
  drafts: readonly Draft[];
  /** Called once: with receipts when the drafts are durable, else with what went wrong. */
  settle?(outcome: { receipts: readonly Receipt[] } | { error: unknown }): void;
}

export interface Source {
  readonly name: string;
  /** One line for people: what it watches. */
  readonly description: string;
  /** Cold: subscribing opens, unsubscribing closes. */
  open(): Observable<Arrival>;
}
