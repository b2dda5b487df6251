import type { RunScope } from '../core/ports.js';
import { inspect, variableOf } from './processes.js';

/** The runs that the processes above this one belong to, by the environment each was started with. */
export const ancestorRuns = (): RunScope[] => {
  const found = new Map<string, RunScope>();
  const seen = new Set<number>();
  for (let pid = inspect(process.pid)?.parent ?? 0; pid > 1 && !seen.has(pid); pid = inspect(pid)?.parent ?? 0) {
    seen.add(pid);
    const run_id = variableOf(pid, 'RUN_ID');
    const project_id = variableOf(pid, 'PROJECT_ID');
    const task_id = variableOf(pid, 'TASK_ID');
    if (run_id && project_id && task_id) found.set(run_id, { run_id, project_id, task_id });
  }
  return [...found.values()];
};
