import type { Event } from '../core/event.js';
import type { LedgerView, RunStarted } from '../core/ledger-view.js';
import { LOOP_TURN, type Loop, type LoopState } from '../core/loop.js';

const keyOf = (of: { project_id: string; task_id?: string }): string => `${of.project_id}/${of.task_id ?? ''}`;

export const endLoop = (view: LedgerView, of: { project_id: string; task_id?: string }): void => {
  view.loops.delete(keyOf(of));
};

export const foldLoop = (view: LedgerView, event: Event): void => {
  switch (event.type) {
    case 'RUN_LOOP_STARTED': {
      const { request, options, state } = event.data as unknown as Loop;
      view.loops.set(keyOf(event), { request, options, state: { ...state, since_id: event.msg_id } });
      return;
    }
    case 'RUN_LOOP_TURN': {
      const loop = view.loops.get(keyOf(event));
      if (!loop) return;
      loop.state = event.data['state'] as LoopState;
      delete loop.run_id;
      delete loop.stopped;
      return;
    }
    default:
      endLoop(view, event);
  }
};

/** A turn was begun. */
export const turnStarted = (view: LedgerView, run: RunStarted): void => {
  const loop = run.step === LOOP_TURN ? view.loops.get(keyOf(run)) : undefined;
  if (!loop) return;
  loop.run_id = run.run_id;
  delete loop.stopped;
};

export const turnStopped = (view: LedgerView, run: RunStarted | undefined, data: Event['data']): void => {
  const loop = run?.step === LOOP_TURN ? view.loops.get(keyOf(run)) : undefined;
  if (loop?.run_id !== run?.run_id || !loop) return;
  const { class: kind, reason, retry_at } = data as NonNullable<Loop['stopped']>;
  loop.stopped = {
    ...(kind === undefined ? {} : { class: kind }),
    ...(reason === undefined ? {} : { reason }),
    ...(retry_at === undefined ? {} : { retry_at }),
  };
};
