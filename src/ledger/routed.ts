import type { Event } from '../core/event.js';
import type { Window } from '../core/flow/window.js';
import type { LedgerView, Routed } from '../core/ledger-view.js';
import { open } from './fold-handlers.js';
import { startCounted, todayOf } from './rules.js';

const known = (view: LedgerView, id: string): Event | undefined =>
  view.undecided.get(id) ?? view.facts.get(id) ?? view.held.get(id)?.event;

/** The event that a window would start with is kept as long as some window would. */
const hold = (view: LedgerView, id: string): void => {
  const held = view.held.get(id);
  if (held) held.windows += 1;
  const event = known(view, id);
  if (!held && event) view.held.set(id, { event, windows: 1 });
};

const release = (view: LedgerView, id: string): void => {
  const held = view.held.get(id);
  if (!held) return;
  held.windows -= 1;
  if (held.windows === 0) view.held.delete(id);
};

const keepWindows = (view: LedgerView, windows: Readonly<Record<string, Window | null>>, now: number): void => {
  const released: string[] = [];
  for (const [id, window] of Object.entries(windows)) {
    const before = view.windows.get(id)?.signal?.last;
    const after = window?.signal?.last;
    if (after !== undefined && after !== before) hold(view, after);
    if (before !== undefined && after !== before) released.push(before);
    if (!window) view.windows.delete(id);
    else for (const { signal } of view.windows.set(id, window, now)) if (signal) released.push(signal.last);
  }
  // Last: an event may go from one window to the next.
  for (const event of released) release(view, event);
};

const count = (view: LedgerView, event: Event, routed: Routed): void => {
  for (const fired of routed.fired) {
    startCounted(view, fired, event);
    const state = todayOf(view, fired.rule, event);
    state.fired += 1;
    state.last_fired = event.ts;
  }
  for (const { rule } of routed.held ?? []) todayOf(view, rule, event).held += 1;
  for (const { rule } of routed.suppressed) todayOf(view, rule, event).suppressed += 1;
  for (const { rule } of routed.errors) todayOf(view, rule, event).errors += 1;
};

const decided = (view: LedgerView, routed: Routed): void => {
  // Records of an earlier version do not say their last message.
  if (routed.last === undefined && routed.events > 0) view.undecided.clear();
  if (routed.last === undefined) return;
  view.undecided.removeTo(routed.last);
  for (const id of view.facts.keys()) {
    // In bus order, in which ids rise: what came after the batch still waits.
    if (id > routed.last) break;
    view.facts.delete(id);
  }
};

export const foldRouted = (view: LedgerView, event: Event, routed: Routed): void => {
  view.routed_to = routed.to;
  count(view, event, routed);
  const fired = [...routed.fired].sort((a, b) => (b.priority ?? 50) - (a.priority ?? 50));
  for (const one of fired) open(view, one, known(view, one.event));
  keepWindows(view, routed.windows ?? {}, Date.parse(event.ts));
  decided(view, routed);
};
