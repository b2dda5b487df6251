import { ConductorError } from '../../core/errors.js';
import type { RunInfo } from '../../core/run.js';
import type { Task } from '../../core/task.js';
import type { Opened } from '../with-ledger.js';
import { findTasks } from './list.js';
import type { Scope } from './scope.js';

/** Throws `not_found`. */
export const findTask = async (opened: Opened, scope: Scope): Promise<Task> => {
  const [task] = await findTasks(opened, scope);
  if (!task) throw new ConductorError('not_found', `there is no task ${scope.project_id}/${scope.task_id}`);
  return task;
};

/** Newest first. */
export const runsOf = async ({ runs }: Opened, scope: Scope): Promise<RunInfo[]> => {
  const found: RunInfo[] = [];
  for await (const run of runs.list(scope)) found.push(run);
  return found;
};
