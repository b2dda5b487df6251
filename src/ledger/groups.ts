import type { Activation, Group, LedgerView } from '../core/ledger-view.js';

/** Of those that have ended, so many are remembered; of those that failed, so many with all that resuming needs. */
const MOST_ENDED = 10_000;
const MOST_RESUMABLE = 1_000;

const priorityOf = (activation: Activation): number => activation.priority ?? 50;

/** Lets in whoever waits, the highest priority first, then the one that waits longest. */
const admit = (view: LedgerView, name: string, group: Group): void => {
  while (group.queue.length > 0) {
    const next = group.queue
      .map((id) => view.activations.get(id)!)
      .reduce((best, one) => (priorityOf(one) > priorityOf(best) ? one : best));
    // Its own limit: it was opened under it, whatever the rule says now.
    if (group.active.size >= next.concurrency!.limit) break;
    group.queue.splice(group.queue.indexOf(next.activation), 1);
    group.active.add(next.activation);
    delete next.queued;
    view.ready.add(next.activation);
  }
  if (group.active.size + group.queue.length === 0) view.groups.delete(name);
};

/** An activation is open, and ready unless others of its group come first. */
export const enter = (view: LedgerView, activation: Activation): void => {
  const { activation: id, concurrency } = activation;
  if (view.open.has(id) && !concurrency) view.ready.add(id);
  if (view.open.has(id)) return;
  view.open.add(id);
  if (!concurrency) {
    view.ready.add(id);
    return;
  }
  const group = view.groups.get(concurrency.group) ?? { active: new Set(), queue: [] };
  view.groups.set(concurrency.group, group);
  activation.queued = true;
  group.queue.push(id);
  admit(view, concurrency.group, group);
};

const forgetOldest = (view: LedgerView): void => {
  if (view.activations.size - view.open.size <= MOST_ENDED) return;
  for (const [id, { status }] of view.activations) {
    if (status === 'open') continue;
    view.activations.delete(id);
    return;
  }
};

const keepResumable = (view: LedgerView, id: string): void => {
  view.resumable.delete(id);
  view.resumable.add(id);
  if (view.resumable.size <= MOST_RESUMABLE) return;
  for (const oldest of view.resumable) {
    view.resumable.delete(oldest);
    const activation = view.activations.get(oldest);
    if (activation?.status === 'failed') {
      delete activation.cause;
      activation.steps.clear();
      activation.started.clear();
      activation.attempts.clear();
    }
    return;
  }
};

/** It has ended: whoever waits for its place comes in. */
export const leave = (view: LedgerView, activation: Activation): void => {
  const { activation: id, concurrency } = activation;
  view.ready.delete(id);
  delete activation.queued;
  if (!view.open.delete(id)) return;
  const group = concurrency && view.groups.get(concurrency.group);
  if (group) {
    group.active.delete(id);
    const at = group.queue.indexOf(id);
    if (at >= 0) group.queue.splice(at, 1);
    admit(view, concurrency.group, group);
  }
  forgetOldest(view);
  if (activation.status === 'failed' && !activation.stopped) keepResumable(view, id);
};
