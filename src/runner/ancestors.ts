import type { RunScope } from '../core/ports.js';
import { birthGroup } from './cgroup.js';
import { livingRuns } from './living.js';
import { rawFolder } from './raw-folder.js';
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

/** The living run in whose control group this process began; undefined where it was in none. */
export const groupRun = (rootPath: string): string | undefined => {
  const name = birthGroup();
  if (name === undefined) return undefined;
  return livingRuns(rootPath).find((run_id) => rawFolder(rootPath, run_id).note()?.cgroup?.endsWith(`/${name}`));
};
