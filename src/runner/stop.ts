import type { RunScope, Runs, Slots } from '../core/ports.js';
import { identify } from './identify.js';
import { rawFolder } from './raw-folder.js';
import type { Trees } from './trees.js';

/** Ends a run of another process, which hears from the run's folder why. Resolves when nothing of the run is left. */
export const stopForeign = async (
  ports: { rootPath: string; runs: Runs; trees: Trees; slots?: Slots },
  run: Pick<RunScope, 'run_id'> & Partial<RunScope>,
  reason: string,
): Promise<void> => {
  const raw = rawFolder(ports.rootPath, run.run_id);
  if (!raw.exists()) return;
  raw.wantStop(reason);
  ports.slots?.cancel(run.run_id);
  const scope = run.project_id !== undefined && run.task_id !== undefined ? (run as RunScope) : undefined;
  const info = scope === undefined ? undefined : await ports.runs.find(scope).catch(() => undefined);
  await ports.trees.end(identify(ports.rootPath, info ?? { run_id: run.run_id }, raw));
};
