import type { Runs, RunScope } from '../core/ports.js';
import { rawFolder } from './raw-folder.js';
import { commitsSince } from './reflog.js';

/**
 * Which of these runs, whose ends are not told yet, made the commit: a push may come back as a webhook before its run has
 * ended and RUN_STOP says what it made.
 */
export const runThatMade = async (
  commit: string,
  { rootPath, runs, living }: { rootPath: string; runs: Pick<Runs, 'find'>; living: Iterable<RunScope> },
): Promise<string | undefined> => {
  for (const run of living) {
    const reflog = rawFolder(rootPath, run.run_id).note()?.reflog;
    const made = reflog ? commitsSince(reflog) : (await runs.find(run).catch(() => undefined))?.commits;
    if (made?.includes(commit)) return run.run_id;
  }
  return undefined;
};
