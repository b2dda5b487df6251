import type { Draft } from '../../core/event.js';
import { log } from '../system.js';
import { withLedger, type Opened } from '../with-ledger.js';
import { findTask } from './one.js';
import type { Scope } from './request.js';

/** Nothing of the task begins any more, and what runs is ended. Returns how many runs that were. */
export const endTask = async (opened: Opened, scope: Scope, reason: string): Promise<number> => {
  const { ledger, runs, runner } = opened;
  const open = [...ledger.view.activations.values()].filter(
    (activation) =>
      activation.status === 'open' &&
      activation.project_id === scope.project_id &&
      activation.task_id === scope.task_id,
  );
  const stopped = (data: Record<string, unknown>): Draft => ({
    ...scope,
    type: 'TASK_STOPPED',
    source: 'cli',
    data: { ...data, reason },
    body: `stopped: ${reason}`,
  });
  const facts = open.map(({ activation }) => stopped({ activation }));
  const loop = ledger.view.loops.get(`${scope.project_id}/${scope.task_id}`);
  if (loop && !loop.ended && facts.length === 0) facts.push(stopped({}));
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
