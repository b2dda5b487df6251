import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Task } from '../../core/task.js';
import { isAlive } from '../../runner/processes.js';
import { printTable } from '../table.js';
import { findTasks, parseStatuses } from '../tasks/list.js';
import { withLedger, type Opened } from '../with-ledger.js';
import { COMMON, parse, projectOf, rootOf, taskOf } from './options.js';

const HELP = `run-agent status [--project P] [--task T] [--status S] [--json | --concise]

The newest run of each task of a project. --concise: task, status, exit code, run, DONE, whether its process lives,
with tabs between.

Examples:
  run-agent status --project web --concise
`;

const OPTIONS = {
  ...COMMON,
  status: { type: 'string' },
  json: { type: 'boolean' },
  concise: { type: 'boolean' },
} as const;

export interface TaskState {
  task_id: string;
  status: Task['status'];
  exit_code: number | undefined;
  latest_run: string | undefined;
  done: boolean;
  pid_alive: boolean;
}

export const stateOf = async (opened: Opened, task: Task): Promise<TaskState> => {
  const { project_id, task_id, latest_run } = task;
  const run =
    latest_run === undefined ? undefined : await opened.runs.find({ project_id, task_id, run_id: latest_run });
  return {
    task_id,
    status: task.status,
    exit_code: task.exit,
    latest_run,
    done: existsSync(join(opened.runs.folder({ project_id, task_id }), 'DONE')),
    pid_alive: run?.status === 'running' && isAlive(run.pid, run.pid_start),
  };
};

export const run = async (args: string[]): Promise<number> => {
  const parsed = parse(args, OPTIONS, HELP);
  if (!parsed) return 0;
  const { values, positionals } = parsed;
  const statuses = parseStatuses(values.status);
  await withLedger({ root: rootOf(values), config: values.config }, async (opened) => {
    const tasks = await findTasks(opened, { project_id: projectOf(values), task_id: taskOf(values) ?? positionals[0] });
    const wanted = tasks.filter((task) => statuses.includes(task.status));
    const states = await Promise.all(wanted.map((task) => stateOf(opened, task)));
    if (values.concise) {
      for (const { task_id, status, exit_code, latest_run, done, pid_alive } of states)
        process.stdout.write(`${[task_id, status, exit_code ?? '-', latest_run ?? '-', done, pid_alive].join('\t')}\n`);
      return;
    }
    printTable(
      states,
      [
        { title: 'task', of: (row) => row.task_id },
        { title: 'status', of: (row) => row.status },
        { title: 'exit', of: (row) => row.exit_code },
        { title: 'run', of: (row) => row.latest_run },
        { title: 'done', of: (row) => (row.done ? 'DONE' : '') },
        { title: 'process', of: (row) => (row.pid_alive ? 'alive' : '') },
      ],
      { json: values.json, name: 'tasks' },
    );
  });
  return 0;
};
