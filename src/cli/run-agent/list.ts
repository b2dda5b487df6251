import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { RunInfo } from '../../core/run.js';
import type { Task } from '../../core/task.js';
import { age } from '../ages.js';
import { clock } from '../system.js';
import { printTable } from '../table.js';
import { findTasks, parseStatuses } from '../tasks/list.js';
import { runsOf } from '../tasks/one.js';
import { withLedger } from '../with-ledger.js';
import { COMMON, checkId, parse, projectOf, rootOf, taskOf } from './options.js';

const HELP = `run-agent list [--project P [--task T]] [--status S] [--json]

Projects; with a project its tasks; with a task its runs. Without any result the exit code is 0.

  --status   pending, running, completed, failed or stopped; several with commas

Examples:
  run-agent list --project web
  run-agent list --project web --status failed --json
`;

const OPTIONS = { ...COMMON, status: { type: 'string' }, json: { type: 'boolean' } } as const;

const seconds = (run: RunInfo, now: number): number =>
  Math.max(
    0,
    Math.round(((run.status === 'running' ? now : Date.parse(run.end_time)) - Date.parse(run.start_time)) / 1_000),
  );

const listProjects = (tasks: readonly Task[], json: boolean | undefined): void => {
  const projects = [...new Set(tasks.map((task) => task.project_id))].sort().map((project_id) => {
    const own = tasks.filter((task) => task.project_id === project_id);
    return {
      project_id,
      tasks: own.length,
      running: own.filter((task) => task.status === 'running').length,
      last_activity: own[0]?.since,
    };
  });
  printTable(
    projects,
    [
      { title: 'project', of: (row) => row.project_id },
      { title: 'tasks', of: (row) => row.tasks },
      { title: 'running', of: (row) => row.running },
      { title: 'age', of: (row) => age(row.last_activity, clock.now()) },
    ],
    { json, name: 'projects' },
  );
};

export const run = async (args: string[]): Promise<number> => {
  const parsed = parse(args, OPTIONS, HELP);
  if (!parsed) return 0;
  const { values } = parsed;
  const statuses = parseStatuses(values.status);
  const project_id = values['project-id'] ?? values.project;
  const task_id = taskOf(values);
  await withLedger({ root: rootOf(values), config: values.config }, async (opened) => {
    const now = clock.now();
    if (task_id !== undefined) {
      const runs = (await runsOf(opened, { project_id: projectOf(values), task_id })).map((run) => ({
        run_id: run.run_id,
        status: run.status,
        exit_code: run.exit_code,
        agent: run.agent,
        started: run.start_time,
        duration: seconds(run, now),
      }));
      printTable(
        runs.filter((one) => statuses.includes(one.status)),
        [
          { title: 'run', of: (row) => row.run_id },
          { title: 'status', of: (row) => row.status },
          { title: 'exit', of: (row) => (row.status === 'running' ? '' : row.exit_code) },
          { title: 'agent', of: (row) => row.agent },
          { title: 'seconds', of: (row) => row.duration },
        ],
        { json: values.json, name: 'runs' },
      );
      return;
    }
    const tasks = await findTasks(
      opened,
      project_id === undefined ? {} : { project_id: checkId('project-id', project_id) },
    );
    const wanted = tasks.filter((task) => statuses.includes(task.status));
    if (project_id === undefined) return listProjects(wanted, values.json);
    printTable(
      wanted.map((task) => ({
        task_id: task.task_id,
        latest_status: task.status,
        done: existsSync(join(opened.runs.folder(task), 'DONE')),
        latest_run: task.latest_run,
        last_activity: task.since,
      })),
      [
        { title: 'task', of: (row) => row.task_id },
        { title: 'status', of: (row) => row.latest_status },
        { title: 'done', of: (row) => (row.done ? 'DONE' : '') },
        { title: 'age', of: (row) => age(row.last_activity, now) },
        { title: 'run', of: (row) => row.latest_run },
      ],
      { json: values.json, name: 'tasks' },
    );
  });
  return 0;
};
