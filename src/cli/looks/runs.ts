import { ConductorError } from '../../core/errors.js';
import type { RunInfo } from '../../core/run.js';
import { openRuns } from '../../storage/run-store.js';
import { age } from '../ages.js';
import { clock } from '../system.js';
import { printTable } from '../table.js';

export interface RunFilter {
  project?: string;
  task?: string;
  status?: string;
  limit?: number;
}

const STATUSES: readonly string[] = ['running', 'completed', 'failed'] satisfies RunInfo['status'][];

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
  const now = clock.now();
  printTable(
    rows,
    [
      { title: 'run', of: (run) => run.run_id },
      { title: 'project', of: (run) => run.project_id },
      { title: 'task', of: (run) => run.task_id },
      { title: 'status', of: (run) => run.status },
      { title: 'exit', of: (run) => (run.status === 'running' ? '' : run.exit_code) },
      { title: 'agent', of: (run) => run.agent },
      { title: 'age', of: (run) => age(run.start_time, now) },
      { title: 'usd', of: (run) => run.cost_usd?.toFixed(4) },
      { title: 'error', of: (run) => run.error_summary },
    ],
    { json: options.json, name: 'runs' },
  );
};
