import { causeOf, type Event } from './event.js';
import type { LedgerView } from './ledger-view.js';

/** The run that an event comes from: by its own word, or because a run made the commit that was pushed. */
const runOf = (view: LedgerView, event: Event): string | undefined => {
  if (event.run_id !== undefined) return event.run_id;
  const { sha, commits } = event.data;
  if (view.commits.size === 0) return undefined;
  if (typeof sha === 'string' && view.commits.has(sha)) return view.commits.get(sha);
  if (!Array.isArray(commits)) return undefined;
  for (const commit of commits as unknown[]) {
    const id = (commit as { id?: unknown } | null)?.id;
    if (typeof id === 'string' && view.commits.has(id)) return view.commits.get(id);
  }
  return undefined;
};

/** Depth and root of an event: the ledger decides, not what an agent claims. */
export const lineageOf = (view: LedgerView, event: Event): { depth: number; root: string; trust: Event['trust'] } => {
  const run_id = runOf(view, event);
  const run = run_id === undefined ? undefined : view.lineage.get(run_id);
  const claimed = event.parents.find((parent) => parent.kind === 'root')?.msg_id;
  return {
    depth: Math.max(event.depth, run?.depth ?? 0),
    root: run?.root ?? claimed ?? causeOf(event) ?? event.msg_id,
    trust: run?.trust === 'outside' ? 'outside' : event.trust,
  };
};
