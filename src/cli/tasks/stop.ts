import { stopFacts } from '../../core/task.js';
import { log } from '../system.js';
import { withLedger, type Opened } from '../with-ledger.js';
import { findTask } from './one.js';
import type { Scope } from './scope.js';

/** Nothing of the task begins any more, and what runs is ended. Returns how many runs that were. */
export const endTask = async (opened: Opened, scope: Scope, reason: string): Promise<number> => {
  const { ledger, runs, runner } = opened;
  const facts = stopFacts(ledger.view, scope, { source: 'cli', reason });
  // Before the runs end: whoever carries the task must not take their end for a failure to be tried again.
  if (facts.length > 0) await ledger.record(facts);
  const stopping: Promise<void>[] = [];
  for await (const run of runs.list({ ...scope, status: 'running' })) stopping.push(runner.stop(run, reason));
  await Promise.all(stopping);
  return stopping.length + facts.length;
};

export const stopTask = (options: { root: string; config?: string; reason?: string }, scope: Scope): Promise<void> =>
  withLedger(options, async (opened) => {
    await findTask(opened, scope);
    const ended = await endTask(opened, scope, options.reason ?? 'asked for');
    log.info(ended === 0 ? `nothing of ${scope.task_id} runs` : `${scope.task_id} is stopped`);
  });
