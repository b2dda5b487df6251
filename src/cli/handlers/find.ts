import { ConductorError } from '../../core/errors.js';
import type { Activation, LedgerView } from '../../core/ledger-view.js';

/** By its key, its task, or PROJECT/TASK; of several, the newest. @throws ConductorError `not_found` */
export const findActivation = (view: LedgerView, named: string): Activation => {
  const found =
    view.activations.get(named) ??
    [...view.activations.values()].findLast(
      ({ project_id, task_id }) => task_id === named || `${project_id}/${task_id}` === named,
    );
  if (!found) throw new ConductorError('not_found', `there is no activation or task ${named}`);
  return found;
};
