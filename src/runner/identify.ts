import type { RunInfo } from '../core/run.js';
import { bootId, isAlive, pidNamespace } from './processes.js';
import type { LaunchNote, RawFolder } from './raw-folder.js';
import type { Mark } from './sweep.js';

/** Whether a pid that was noted then means the same process now. */
const sameNumbers = (note: LaunchNote | undefined): boolean =>
  note?.boot_id === bootId() && note.pid_namespace === pidNamespace();

/**
 * The mark of a run that another process started. That one may have died before it told the pid in run-info.yaml: the
 * note of the launch has it, too. After a boot the pid, and any session of that number, is somebody else's.
 */
export const identify = (rootPath: string, info: Pick<RunInfo, 'run_id'> & Partial<RunInfo>, raw: RawFolder): Mark => {
  const note = raw.note();
  const mark: Mark = { rootPath, run_id: info.run_id, pid: -1, cgroup: note?.cgroup };
  if (!sameNumbers(note)) return mark;
  if (info.pid !== undefined && info.pid > 0) return { ...mark, pid: info.pid, pid_start: info.pid_start };
  // Without its start the pid may be anybody's.
  if (note?.pid_start === undefined || !isAlive(note.pid, note.pid_start)) return mark;
  return { ...mark, pid: note.pid, pid_start: note.pid_start };
};
