import type { Draft } from '../core/event.js';
import type { Fired, LedgerView } from '../core/ledger-view.js';
import type { CompiledTable } from './compile.js';

interface Named {
  activation: string;
  handler: string;
  project_id: string;
  task_id: string;
  depth: number;
}

const cancelFact = ({ activation, handler, project_id, task_id, depth }: Named, reason: string): Draft => ({
  type: 'HANDLER_CANCEL',
  source: 'router',
  project_id,
  task_id,
  depth,
  data: { activation, handler, reason },
  body: `${handler} is cancelled: ${reason}`,
});

/** Those that must end because a newer one of their group takes their place; of the batch itself, too. */
export const supersededBy = (view: LedgerView, fired: readonly Fired[]): Draft[] => {
  const facts = new Map<string, Draft>();
  const newest = new Map<string, Fired[]>();
  for (const one of fired) {
    const { concurrency } = one;
    if (!concurrency) continue;
    const earlier = newest.get(concurrency.group) ?? [];
    newest.set(concurrency.group, [...earlier, one]);
    if (concurrency.on_conflict !== 'supersede') continue;
    const group = view.groups.get(concurrency.group);
    const known = [...(group?.active ?? []), ...(group?.queue ?? [])].map((id) => view.activations.get(id)!);
    for (const old of [...known, ...earlier])
      if (!facts.has(old.activation) && !('cancel' in old && old.cancel !== undefined))
        facts.set(old.activation, cancelFact(old, `superseded by ${one.activation}`));
  }
  return [...facts.values()];
};

/** Those that wait for their turn, and whose rule is in the table no more. */
export const orphaned = (view: LedgerView, table: CompiledTable): Draft[] =>
  [...view.groups.values()]
    .flatMap(({ queue }) => queue.map((id) => view.activations.get(id)!))
    .filter(({ rule, cancel }) => cancel === undefined && !table.byId.has(rule))
    .map((activation) => cancelFact(activation, `its rule ${activation.rule} was deleted`));
