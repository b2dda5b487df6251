import type { Runner, Runs } from '../core/ports.js';

/** Ends every living run of the root, whoever started it. Returns how many. */
export const stopRuns = async (local: { runner: Runner; runs: Runs }, reason: string): Promise<number> => {
  let count = 0;
  const stopping: Promise<void>[] = [];
  for await (const run of local.runs.list({ status: 'running' })) {
    count++;
    stopping.push(local.runner.stop(run, reason));
  }
  await Promise.all(stopping);
  return count;
};
