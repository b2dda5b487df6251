import { causeOf, type Event } from './event.js';
import type { LedgerView } from './ledger-view.js';

/** They say that commits have come; with any other type a commit is only what it is about. */
export const PUSHES: ReadonlySet<string> = new Set(['CODE_PUSHED', 'PR_UPDATED']);

/** Which of our runs or activations an event comes from. */
export interface Origin {
  id: string;
  /** It is what that did itself; else somebody else's doing that holds or concerns it. */
  own: boolean;
  because: string;
}

const ofCommit = (view: LedgerView, commit: unknown): string | undefined =>
  typeof commit === 'string' ? view.commits.get(commit) : undefined;

/** By its own word, by the mark in what was written, or because a run made the commit. */
export const originOf = (view: LedgerView, event: Event): Origin | undefined => {
  if (event.run_id !== undefined) return { id: event.run_id, own: true, because: `run ${event.run_id} said it` };
  const mark = event.meta?.['made_by'];
  if (mark !== undefined && (view.lineage.has(mark) || view.activations.has(mark)))
    return { id: mark, own: true, because: `it was made by ${mark}` };
  if (view.commits.size === 0) return undefined;
  const { sha, commits } = event.data;
  const made = (commit: unknown, own: boolean): Origin | undefined => {
    const id = ofCommit(view, commit);
    return id === undefined
      ? undefined
      : { id, own, because: `commit ${String(commit).slice(0, 12)} was made by run ${id}` };
  };
  const newest = made(sha, PUSHES.has(event.type));
  if (newest || !Array.isArray(commits)) return newest;
  for (const commit of commits as unknown[]) {
    const found = made((commit as { id?: unknown } | null)?.id, false);
    if (found) return found;
  }
  return undefined;
};

export interface Lineage {
  depth: number;
  root: string;
  trust: Event['trust'];
}

/** Of what the event names as its cause. What we say ourselves has it all in it. */
const inherited = (view: LedgerView, event: Event): Lineage | undefined => {
  const cause = event.authentic ? undefined : causeOf(event);
  if (cause === undefined) return undefined;
  const { depth, root, trust } = view.causes.get(cause) ?? { depth: 0, root: cause, trust: 'full' };
  return { depth: depth + 1, root, trust };
};

/** Depth, root and trust of an event: the ledger decides, not what an agent claims. */
export const lineageOf = (view: LedgerView, event: Event): Lineage => {
  const origin = originOf(view, event);
  const from = origin && (view.lineage.get(origin.id) ?? view.activations.get(origin.id));
  const claimed = event.parents.find((parent) => parent.kind === 'root')?.msg_id;
  const before = inherited(view, event);
  return {
    depth: Math.max(event.depth, from?.depth ?? 0, before?.depth ?? 0),
    root: from?.root ?? before?.root ?? claimed ?? causeOf(event) ?? event.msg_id,
    trust: from?.trust === 'outside' || before?.trust === 'outside' ? 'outside' : event.trust,
  };
};
