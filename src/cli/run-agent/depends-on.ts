import { fromEvent, merge } from 'rxjs';
import { toConductorError } from '../../core/errors.js';
import { openLedger } from '../../ledger/ledger.js';
import { dependenciesDone } from '../../pipeline/dependencies.js';
import type { Local } from '../local.js';
import type { Scope } from '../tasks/scope.js';

/** Waits, and says on the bus that it does, so that a circle is seen and whoever waits for us learns of our failure. */
export const awaitDependencies = async (local: Local, task: Scope, wanted: readonly Scope[]): Promise<void> => {
  const names = wanted.map(({ project_id, task_id }) => `${project_id}/${task_id}`);
  const ledger = await openLedger(local.bus, undefined, { blobs: local.blobs });
  const say = (type: string, data: Record<string, unknown>, body: string) =>
    ledger.record([{ ...task, type, source: 'cli', data, body }]);
  try {
    await say('TASK_WAITING', { depends_on: names }, `waits for ${names.join(', ')}`);
    process.stderr.write(`· waits for ${names.join(', ')}\n`);
    const stop$ = merge(fromEvent(process, 'SIGINT'), fromEvent(process, 'SIGTERM'));
    await dependenciesDone({ ...local, ledger }, task, wanted, stop$);
  } catch (error) {
    const { message } = toConductorError(error);
    await say('TASK_BLOCKED', { error: message }, `ERROR: ${message}`);
    throw error;
  } finally {
    await ledger.close();
  }
};
