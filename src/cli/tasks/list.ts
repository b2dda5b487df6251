import { ConductorError } from '../../core/errors.js';
import type { RunInfo } from '../../core/run.js';
import { TASK_STATUSES, tasksOf, type Task } from '../../core/task.js';
import { age } from '../ages.js';
import { printTable } from '../table.js';
import { clock } from '../system.js';
import { withLedger, type Opened } from '../with-ledger.js';

export interface TaskFilter {
  project_id?: string | undefined;
  task_id?: string | undefined;
}

/** Newest first. */
export const findTasks = async ({ ledger, runs }: Opened, filter: TaskFilter): Promise<Task[]> => {
  const newest: RunInfo[] = [];
  for await (const run of runs.list({
    latest: true,
    ...(filter.project_id === undefined ? {} : { project_id: filter.project_id }),
  }))
    newest.push(run);
  return tasksOf(ledger.view, newest)
    .filter(
      (task) =>
        (filter.project_id === undefined || task.project_id === filter.project_id) &&
        (filter.task_id === undefined || task.task_id === filter.task_id),
    )
    .sort((a, b) => (b.since ?? '').localeCompare(a.since ?? ''));
};

export const parseStatuses = (text: string | undefined): readonly string[] => {
  const wanted = text?.split(',').map((word) => word.trim()) ?? TASK_STATUSES;
  const unknown = wanted.find((word) => !(TASK_STATUSES as readonly string[]).includes(word));
  if (unknown !== undefined)
    throw new ConductorError('usage', `--status "${unknown}": it is one of ${TASK_STATUSES.join(', ')}`);
  return wanted;
};

export const listTasks = async (options: {
  root: string;
  config?: string;
  project: string | undefined;
  status?: string;
  json?: boolean;
}): Promise<void> => {
  const statuses = parseStatuses(options.status);
  const tasks = await withLedger(options, (opened) => findTasks(opened, { project_id: options.project }));
  const now = clock.now();
  printTable(
    tasks.filter((task) => statuses.includes(task.status)),
    [
      { title: 'project', of: (task) => task.project_id },
      { title: 'task', of: (task) => task.task_id },
      { title: 'status', of: (task) => task.status },
      { title: 'agent', of: (task) => task.agent },
      { title: 'age', of: (task) => age(task.since, now) },
      { title: 'run', of: (task) => task.latest_run },
    ],
    { json: options.json, name: 'tasks' },
  );
};
