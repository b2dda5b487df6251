import type { Runs, RunScope } from '../core/ports.js';
import { rawFolder } from './raw-folder.js';
import { commitsSince, type Reflog } from './reflog.js';

interface MakersOptions {
  rootPath: string;
  runs: Pick<Runs, 'find'>;
  /** The runs whose ends are not told yet. */
  living: () => Iterable<RunScope>;
}

/** More than may run at once. */
const REMEMBERED = 1_000;

/**
 * Finds which living run made a commit: a push may come back as a webhook before its run has ended and RUN_STOP says what
 * it made. The webhook waits for this, so what never changes is read once: where the log of a run's folder lies, and what
 * a run that has ended said of itself.
 */
export const makerFinder = ({ rootPath, runs, living }: MakersOptions) => {
  const logs = new Map<string, Reflog | undefined>();
  const told = new Map<string, readonly string[]>();

  const madeBy = async (run: RunScope): Promise<readonly string[]> => {
    const raw = rawFolder(rootPath, run.run_id);
    if (raw.exists()) {
      if (!logs.has(run.run_id)) {
        const note = raw.note();
        if (!note) return [];
        logs.set(run.run_id, note.reflog);
      }
      const reflog = logs.get(run.run_id);
      return reflog ? commitsSince(reflog) : [];
    }
    const known = told.get(run.run_id);
    if (known) return known;
    const info = await runs.find(run).catch(() => undefined);
    const commits = info?.commits ?? [];
    if (info && info.status !== 'running') told.set(run.run_id, commits);
    return commits;
  };

  const find = async (commit: string, among: readonly RunScope[]): Promise<string | undefined> => {
    for (const remembered of [logs, told]) if (remembered.size > REMEMBERED) remembered.clear();
    for (const run of among) if ((await madeBy(run)).includes(commit)) return run.run_id;
    return undefined;
  };

  /** Undefined: no run is living. */
  return (commit: string): Promise<string | undefined> | undefined => {
    const among = [...living()];
    return among.length === 0 ? undefined : find(commit, among);
  };
};
