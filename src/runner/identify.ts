import type { RunInfo } from '../core/run.js';
import { bootId, inspect, isAlive, pidNamespace, variableOf } from './processes.js';
import type { LaunchNote, RawFolder } from './raw-folder.js';
import type { Mark } from './sweep.js';

/** Whether a pid that was noted then means the same process now. */
const sameNumbers = (note: LaunchNote | undefined): boolean =>
  note?.boot_id === bootId() && note.pid_namespace === pidNamespace();

/**
 * The mark of a run that another process started. That one may have died between the start and the note of the pid:
 * the shim wrote its own. After a boot the pid, and any session of that number, is somebody else's.
 */
export const identify = async (
  rootPath: string,
  info: Pick<RunInfo, 'run_id'> & Partial<RunInfo>,
  raw: RawFolder,
): Promise<Mark> => {
  const note = await raw.note();
  const mark: Mark = { rootPath, run_id: info.run_id, pid: -1, cgroup: note?.cgroup };
  if (!sameNumbers(note)) return mark;
  if (info.pid !== undefined && info.pid > 0) return { ...mark, pid: info.pid, pid_start: info.pid_start };
  const pid = await raw.pid();
  if (pid === undefined || !isAlive(pid, undefined) || variableOf(pid, 'RUN_ID') !== info.run_id) return mark;
  return { ...mark, pid, pid_start: inspect(pid)?.start };
};
