import { rm } from 'node:fs/promises';
import { ConductorError } from '../../core/errors.js';
import { log } from '../system.js';
import { withLedger } from '../with-ledger.js';
import { findTask } from './one.js';
import type { Scope } from './scope.js';
import { endTask } from './stop.js';

/** Removes the task's folder with all its runs. What was said on the bus stays. */
export const deleteTask = (options: { root: string; config?: string; force?: boolean }, scope: Scope): Promise<void> =>
  withLedger(options, async (opened) => {
    const task = await findTask(opened, scope);
    if ((task.status === 'running' || task.status === 'pending') && !options.force)
      throw new ConductorError('conflict', `${scope.task_id} is ${task.status}: stop it first, or say --force`);
    await endTask(opened, scope, 'deleted');
    await opened.ledger.record([{ ...scope, type: 'TASK_DELETED', source: 'cli', body: 'the runs were deleted' }]);
    await rm(opened.runs.folder(scope), { recursive: true, force: true });
    log.info(`${scope.task_id} is deleted`);
  });
