import type { Condition } from '../core/condition.js';
import type { Event } from '../core/event.js';
import type { Window } from '../core/flow/window.js';
import type { Windows } from '../core/flow/windows.js';
import type { LedgerView, Routed } from '../core/ledger-view.js';
import { lineageOf } from '../core/lineage.js';
import type { CompiledTable } from './compile.js';
import type { Verdict } from './verdict.js';

export type Decision = Pick<Routed, 'fired' | 'held' | 'suppressed' | 'errors' | 'windows'> & {
  /** Rules that are taken out, since they keep erring or are slow. */
  out: { rule: string; reason: string }[];
  /** Those of `errors` that are said; from outside each with the number of the rule's in that hour. */
  dead: (Routed['errors'][number] & { count?: number })[];
};

/** How a rule did lately, in this process. */
export interface Health {
  /** In a row, that count. */
  errors: number;
  /** The condition of it that was answered last. */
  sound?: Condition;
  slow: number;
  /** Errors on events from outside, of the hour that began with the first, ms of messages. */
  hour: { since: number; errors: number };
}

type Lineage = ReturnType<typeof lineageOf>;

export interface Deciding {
  table: CompiledTable;
  /** Read only: what the facts up to here say. */
  view: LedgerView;
  /** Changed by deciding: ahead of the ledger's by what is decided here. */
  windows: Windows;
  /** Changed by deciding. */
  health: Map<string, Health>;
  /** Ms; for `max_age` only. Everything else goes by the time of messages. */
  now: number;
  /** Ms that pass, to find slow conditions; missing: nobody looks. */
  elapsed?: () => number;
  /** Told what came of each rule that was asked. */
  observe?: (verdict: Verdict) => void;
}

export type EventOf = (msg_id: string) => Event | undefined;

/** By id. Of most batches nobody asks, and then nothing is looked at. */
export const eventIn = (events: readonly Event[]): EventOf => {
  let byId: Map<string, Event> | undefined;
  return (msg_id) => (byId ??= new Map(events.map((event) => [event.msg_id, event]))).get(msg_id);
};

/** One batch while it is decided: what it has decided already counts for the rest of it. */
export interface Batch extends Deciding {
  decision: Decision;
  eventOf: EventOf;
  /** Of the event that was looked at last: its rules all ask. */
  lineage: { event: Event; of: Lineage } | undefined;
  /** Starts so far, by chain, group, rule, and key that has a budget. */
  started: {
    chains: Map<string, number>;
    groups: Map<string, string[]>;
    rules: Map<string, number>;
    budgets: Map<string, number>;
  };
}

export const newBatch = (deciding: Deciding, events: readonly Event[]): Batch => ({
  ...deciding,
  decision: { fired: [], held: [], suppressed: [], errors: [], windows: {}, out: [], dead: [] },
  eventOf: eventIn(events),
  lineage: undefined,
  started: { chains: new Map(), groups: new Map(), rules: new Map(), budgets: new Map() },
});

export const lineageIn = (batch: Batch, event: Event): Lineage => {
  if (batch.lineage?.event !== event) batch.lineage = { event, of: lineageOf(batch.view, event) };
  return batch.lineage.of;
};

export const setWindow = (batch: Batch, id: string, window: Window | undefined, now: number): void => {
  if (window) batch.windows.set(id, window, now);
  else batch.windows.delete(id);
  batch.decision.windows[id] = window ?? null;
};
