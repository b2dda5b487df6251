import { ConductorError } from '../../core/errors.js';
import type { RunInfo } from '../../core/run.js';
import type { Task } from '../../core/task.js';
import type { Opened } from '../with-ledger.js';
import { findTasks } from './list.js';
import type { Scope } from './request.js';

/** `project/task`, or `task` in the project given. */
export const scopeOf = (named: string | undefined, options: { project?: string; task?: string }): Scope => {
  const [first, second] = (named ?? options.task ?? process.env['TASK_ID'] ?? '').split('/', 2);
  if (!first) throw new ConductorError('usage', 'which task? Say its id, or PROJECT/ID');
  return second ? { project_id: first, task_id: second } : { project_id: options.project ?? 'default', task_id: first };
};

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
