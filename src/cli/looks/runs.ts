import { ConductorError } from '../../core/errors.js';
import type { RunInfo } from '../../core/run.js';
import { openRuns } from '../../storage/run-store.js';
import { age } from '../ages.js';
import { clock } from '../system.js';
import { printTable, type Column } from '../table.js';

export interface RunFilter {
  project?: string;
  task?: string;
  status?: string;
  limit?: number;
}

const STATUSES: readonly string[] = ['running', 'completed', 'failed'] satisfies RunInfo['status'][];

type Shown = Pick<
  RunInfo,
  'run_id' | 'project_id' | 'task_id' | 'status' | 'exit_code' | 'agent' | 'start_time' | 'cost_usd' | 'error_summary'
>;

/** Of a list of runs; that of one task needs neither its project nor its name. */
export const runColumns = (now: number, ofTask = false): Column<Shown>[] => [
  { title: 'run', of: (run) => run.run_id },
  ...(ofTask
    ? []
    : [
        { title: 'project', of: (run: Shown) => run.project_id },
        { title: 'task', of: (run: Shown) => run.task_id },
      ]),
  { title: 'status', of: (run) => run.status },
  { title: 'exit', of: (run) => (run.status === 'running' ? '' : run.exit_code) },
  { title: 'agent', of: (run) => run.agent },
  { title: 'age', of: (run) => age(run.start_time, now) },
  { title: 'usd', of: (run) => run.cost_usd?.toFixed(4) },
  { title: 'error', of: (run) => run.error_summary },
];

export const printRuns = (runs: readonly Shown[], { json }: { json?: boolean | undefined }): void =>
  printTable(runs, runColumns(clock.now()), { json, name: 'runs' });

export const listRuns = async (options: RunFilter & { root: string; json?: boolean }): Promise<void> => {
  const { status } = options;
  if (status !== undefined && !STATUSES.includes(status))
    throw new ConductorError('usage', `--status "${status}": it is one of ${STATUSES.join(', ')}`);
  if (options.task !== undefined && options.project === undefined)
    throw new ConductorError('usage', '--task needs --project too');
  const rows: RunInfo[] = [];
  for await (const run of openRuns(options.root).list({
    ...(options.project === undefined ? {} : { project_id: options.project }),
    ...(options.task === undefined ? {} : { task_id: options.task }),
    ...(status === undefined ? {} : { status: status as RunInfo['status'] }),
  })) {
    if (rows.length === options.limit) break;
    rows.push(run);
  }
  printRuns(rows, options);
};
