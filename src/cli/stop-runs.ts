import { filter, lastValueFrom } from 'rxjs';
import type { Bus, Runner, Runs } from '../core/ports.js';
import type { RunEnd, RunInfo } from '../core/run.js';
import { stopFact } from '../pipeline/run-attempts.js';

interface Local {
  bus: Pick<Bus, 'record'>;
  runner: Runner;
  runs: Runs;
}

const stopRun = async ({ bus, runner, runs }: Local, run: RunInfo, reason: string): Promise<void> => {
  const isOrphan = runner.ownership(run) !== 'owned';
  await runner.stop(run, reason);
  // Whoever started it is gone and cannot say its end.
  if (!isOrphan || runner.ownership(run) === 'owned') return;
  const info = (await runs.find(run)) ?? run;
  const end = await lastValueFrom(runner.adopt(info).pipe(filter((event): event is RunEnd => event.kind === 'end')));
  await bus.record([stopFact(info, end)]);
};

/** Ends every living run of the root, whoever started it. Returns how many. */
export const stopRuns = async (local: Local, reason: string): Promise<number> => {
  const stopping: Promise<void>[] = [];
  for await (const run of local.runs.list({ status: 'running' })) stopping.push(stopRun(local, run, reason));
  await Promise.all(stopping);
  return stopping.length;
};
