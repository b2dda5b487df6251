import { causeOf, type Event } from './event.js';
import type { LedgerView } from './ledger-view.js';

/** Depth and root of an event: the ledger decides, not what an agent claims. */
export const lineageOf = (view: LedgerView, event: Event): { depth: number; root: string; trust: Event['trust'] } => {
  const run = event.run_id === undefined ? undefined : view.lineage.get(event.run_id);
  const claimed = event.parents.find((parent) => parent.kind === 'root')?.msg_id;
  return {
    depth: Math.max(event.depth, run?.depth ?? 0),
    root: run?.root ?? claimed ?? causeOf(event) ?? event.msg_id,
    trust: run?.trust === 'outside' ? 'outside' : event.trust,
  };
};
