import type { Event } from '../core/event.js';
import type { LedgerView, RunStarted } from '../core/ledger-view.js';
import { LOOP_TURN, type Loop, type LoopState } from '../core/loop.js';

const keyOf = (of: { project_id: string; task_id?: string }): string => `${of.project_id}/${of.task_id ?? ''}`;

const KEPT = 1_000;

const begin = (view: LedgerView, event: Event): void => {
  const { request, options, state } = event.data as unknown as Loop;
  const { depends_on = [], project_id, task_id } = request;
  if (depends_on.length > 0) view.waiting.set(keyOf(event), { project_id, task_id, ts: event.ts, depends_on });
  view.loops.delete(keyOf(event));
  view.loops.set(keyOf(event), { request, options, state: { ...state, since_id: event.msg_id } });
  if (view.loops.size <= KEPT) return;
  const old = [...view.loops].find(([, loop]) => loop.ended !== undefined);
  if (old) view.loops.delete(old[0]);
};

const end = (view: LedgerView, event: Event): void => {
  const loop = view.loops.get(keyOf(event));
  if (!loop || loop.ended) return;
  view.waiting.delete(keyOf(event));
  const { status, exit, reason } = event.data;
  const stopped = typeof reason === 'string' && reason.startsWith('stopped');
  loop.ended = {
    ts: event.ts,
    status: stopped ? 'stopped' : status === 'completed' ? 'completed' : 'failed',
    ...(typeof exit === 'number' ? { exit } : {}),
    ...(status === 'completed' ? {} : { error: event.body }),
  };
};

/** Somebody said that nothing of it is to go on. */
export const stopLoops = (view: LedgerView, event: Event, only?: { project_id: string; task_id?: string }): void => {
  for (const loop of only === undefined ? view.loops.values() : [view.loops.get(keyOf(only))])
    if (loop) loop.ended ??= { ts: event.ts, status: 'stopped' };
};

export const forgetLoop = (view: LedgerView, event: Event): void => void view.loops.delete(keyOf(event));

export const foldLoop = (view: LedgerView, event: Event): void => {
  if (event.type === 'RUN_LOOP_STARTED') return begin(view, event);
  if (event.type === 'RUN_LOOP_ENDED') return end(view, event);
  const loop = view.loops.get(keyOf(event));
  if (!loop) return;
  loop.state = event.data['state'] as LoopState;
  delete loop.run_id;
  delete loop.stopped;
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
  if (!loop || loop.run_id !== run?.run_id) return;
  const { class: kind, reason, retry_at } = data as NonNullable<Loop['stopped']>;
  loop.stopped = {
    ...(kind === undefined ? {} : { class: kind }),
    ...(reason === undefined ? {} : { reason }),
    ...(retry_at === undefined ? {} : { retry_at }),
  };
};
