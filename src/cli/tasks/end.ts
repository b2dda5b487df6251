import { filter, firstValueFrom, tap, type Observable } from 'rxjs';
import type { Event } from '../../core/event.js';
import type { RunStarted } from '../../core/ledger-view.js';
import { LOOP_CHECK, LOOP_TURN } from '../../core/loop.js';
import { openLiveTree } from '../live-tree.js';
import { log } from '../system.js';
import type { Scope } from './scope.js';

/** The meaning of the end of what was asked for with the message, or of the task's loop; its runs are shown meanwhile. */
export const awaitEnd = async (events$: Observable<Event>, scope: Scope, msg_id: string): Promise<number> => {
  const activation = `task/${msg_id}`;
  const ends = ({ type, data, project_id, task_id }: Event): boolean => {
    if (type === 'HANDLER_FINISHED') return data['activation'] === activation;
    if (project_id !== scope.project_id || task_id !== scope.task_id) return false;
    return type === 'RUN_LOOP_ENDED' || (type === 'TASK_STOPPED' && (data['activation'] ?? activation) === activation);
  };
  const isTurn = ({ step, project_id, task_id }: RunStarted): boolean =>
    (step === LOOP_TURN || step === LOOP_CHECK) && project_id === scope.project_id && task_id === scope.task_id;
  const tree = openLiveTree((start) => start.activation === activation || isTurn(start));
  const end = await firstValueFrom(
    events$.pipe(
      tap((event) => tree.on(event)),
      filter((event) => event.authentic && ends(event)),
    ),
  ).finally(() => tree.close());
  const exit = end.type === 'TASK_STOPPED' ? 1 : Number(end.data['exit']);
  if (exit !== 0) log.error(typeof end.data['error'] === 'string' ? end.data['error'] : end.body);
  return exit;
};
