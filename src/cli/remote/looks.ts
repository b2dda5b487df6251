import type { RunRow, TaskRow } from '../../api/lists/rows.js';
import { age } from '../ages.js';
import { printRuns, type RunFilter } from '../looks/runs.js';
import { clock } from '../system.js';
import { printTable } from '../table.js';
import { parseStatuses } from '../tasks/list.js';
import type { Scope } from '../tasks/scope.js';
import { get, rowsOf, serviceOf, taskPath, type Where } from './service.js';

const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);

export const showStatus = async (where: Where): Promise<void> =>
  say(await get(await serviceOf(where), '/api/v1/status'));

export const listRuns = async (where: Where & RunFilter): Promise<void> => {
  const query = {
    ...(where.project === undefined ? {} : { project_id: where.project }),
    ...(where.task === undefined ? {} : { task_id: where.task }),
    ...(where.status === undefined ? {} : { status: where.status }),
  };
  const rows = await rowsOf<RunRow>(await serviceOf(where), 'runs', query, where.limit);
  printRuns(
    rows.map((run) => ({ ...run, exit_code: run.exit ?? -1, error_summary: run.error })),
    where,
  );
};

export const listTasks = async (where: Where & { project: string | undefined; status?: string }): Promise<void> => {
  const statuses = parseStatuses(where.status);
  const query: Record<string, string> = where.project === undefined ? {} : { project_id: where.project };
  const tasks = await rowsOf<TaskRow>(await serviceOf(where), 'tasks', query);
  const now = clock.now();
  printTable(
    tasks.filter(({ status }) => statuses.includes(status)),
    [
      { title: 'project', of: (task) => task.project_id },
      { title: 'task', of: (task) => task.task_id },
      { title: 'status', of: (task) => task.status },
      { title: 'age', of: (task) => age(task.last_activity, now) },
      { title: 'run', of: (task) => task.latest_run_id },
    ],
    { json: where.json, name: 'tasks' },
  );
};

export const showTask = async (where: Where, scope: Scope): Promise<void> =>
  say(await get(await serviceOf(where), taskPath(scope)));
