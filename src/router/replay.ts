import type { Event } from '../core/event.js';
import { Windows } from '../core/flow/windows.js';
import type { LedgerView, Routed } from '../core/ledger-view.js';
import type { Decision, Health } from './batch.js';
import type { CompiledTable } from './compile.js';
import { decide } from './decide.js';
import type { Verdict } from './verdict.js';

export interface Folding {
  /** Changed by replaying. */
  view: LedgerView;
  fold: (view: LedgerView, event: Event) => void;
}

/** A ROUTED as the ledger would read it; it stands on no bus. */
const asRouted = (decision: Decision, event: Event | undefined, table: string, at: number): Event => {
  const { out: _out, dead: _dead, ...rest } = decision;
  const data: Routed = {
    from: '',
    to: '',
    ...(event ? { last: event.msg_id } : {}),
    table,
    events: event ? 1 : 0,
    ...rest,
  };
  return {
    msg_id: event?.msg_id ?? '',
    ts: new Date(at).toISOString(),
    type: 'ROUTED',
    project_id: 'default',
    source: 'replay',
    parents: [],
    depth: 0,
    data: data as unknown as Event['data'],
    trust: 'full',
    body: '',
    sealed: true,
    authentic: true,
  };
};

/** Decides without a bus, event by event, as the router would: its decisions are folded in, and nothing is said. */
export class Replay {
  readonly #table: CompiledTable;
  readonly #folding: Folding;
  readonly #windows: Windows;
  readonly #health = new Map<string, Health>();

  constructor(table: CompiledTable, folding: Folding) {
    this.#table = table;
    this.#folding = folding;
    this.#windows = Windows.of(structuredClone([...folding.view.windows.entries()]));
  }

  get view(): LedgerView {
    return this.#folding.view;
  }

  /** When the next window is due, ms. */
  next(): number | undefined {
    return this.#windows.next()?.at;
  }

  /** Something that happened, and that no rule is asked about. */
  fact(event: Event): void {
    this.#folding.fold(this.#folding.view, event);
  }

  /** `now` (ms): when it is decided; missing: as it happens. */
  decide(event: Event, { now, observe }: { now?: number; observe?: (verdict: Verdict) => void } = {}): Decision {
    this.fact(event);
    const at = Date.parse(event.ts);
    return this.#decide([event], now ?? at, undefined, observe);
  }

  /** What is due by `at`, ms. */
  due(at: number): Decision {
    return this.#decide([], at, at);
  }

  #decide(events: readonly Event[], now: number, until?: number, observe?: (verdict: Verdict) => void): Decision {
    const { view, fold } = this.#folding;
    const decision = decide(
      events,
      { table: this.#table, view, windows: this.#windows, health: this.#health, now, ...(observe ? { observe } : {}) },
      until,
    );
    const [event] = events;
    fold(view, asRouted(decision, event, this.#table.hash, event ? Date.parse(event.ts) : now));
    return decision;
  }
}
