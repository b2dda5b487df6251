import { isBelieved, type Event } from '../core/event.js';
import { isReserved } from '../core/event-type.js';
import type { LedgerView, Routed, RunStarted } from '../core/ledger-view.js';
import { lineageOf } from '../core/lineage.js';
import { TASK_HANDLER } from '../core/task.js';
import { answerWaits, close, foldHandler, open } from './fold-handlers.js';

export const emptyView = (): LedgerView => ({
  paused: false,
  routed_to: undefined,
  activations: new Map(),
  ready: new Set(),
  waits: new Map(),
  runs: new Map(),
  waiting: new Map(),
  chains: new Map(),
  windows: new Map(),
  timers: new Map(),
  lineage: new Map(),
});

/** A fired event is kept from its append until ROUTED has decided it. */
export interface FoldState {
  view: LedgerView;
  undecided: Map<string, Event>;
}

const routed = ({ view, undecided }: FoldState, event: Event, data: Routed): void => {
  view.routed_to = data.to;
  const at = Date.parse(event.ts);
  for (const fired of data.fired) {
    if (view.activations.has(fired.activation)) continue;
    const cause = undecided.get(fired.event);
    open(view, fired, cause);
    if (fired.throttle_key !== undefined) {
      const key = `${fired.rule}\n${fired.throttle_key}`;
      view.windows.set(key, [...(view.windows.get(key) ?? []), at].slice(-1_000));
    }
  }
  undecided.clear();
};

const keyOf = (of: { project_id: string; task_id?: string }): string => `${of.project_id}/${of.task_id ?? ''}`;

const taskWaits = (view: LedgerView, event: Event): void => {
  const { depends_on } = event.data;
  if (event.task_id === undefined || !Array.isArray(depends_on) || depends_on.length === 0) return;
  const { project_id, task_id, ts } = event;
  view.waiting.set(keyOf(event), { project_id, task_id, ts, depends_on: depends_on.map(String) });
};

/** It waits no longer, and will not start. */
const taskBlocked = (view: LedgerView, event: Event): void => {
  const waiting = view.waiting.get(keyOf(event));
  if (waiting) waiting.error = String(event.data['error']);
};

/** A task that somebody asked for is an activation that no rule had to open. */
const taskRequested = (view: LedgerView, event: Event): void => {
  if (event.task_id === undefined) return;
  taskWaits(view, event);
  const activation = `task/${event.msg_id}`;
  const fired = {
    activation,
    rule: 'task',
    event: event.msg_id,
    handler: TASK_HANDLER,
    project_id: event.project_id,
    task_id: event.task_id,
    ...lineageOf(view, event),
  };
  open(view, fired, event);
};

const taskDeleted = (view: LedgerView, event: Event): void => {
  view.waiting.delete(keyOf(event));
  for (const [key, activation] of view.activations) {
    if (activation.project_id !== event.project_id || activation.task_id !== event.task_id) continue;
    close(view, activation, 'failed');
    view.activations.delete(key);
  }
};

const taskStopped = (view: LedgerView, event: Event): void => {
  view.waiting.delete(keyOf(event));
  for (const activation of view.activations.values()) {
    if (
      activation.status !== 'open' ||
      activation.project_id !== event.project_id ||
      activation.task_id !== event.task_id
    )
      continue;
    activation.stopped = true;
    close(view, activation, 'failed');
  }
};

const runStarted = (view: LedgerView, data: RunStarted, event: Event): void => {
  const parent = data.parent_run_id === undefined ? undefined : view.lineage.get(data.parent_run_id);
  const root = data.root ?? parent?.root;
  view.runs.set(data.run_id, data);
  view.waiting.delete(keyOf(data));
  const activation = data.activation === undefined ? undefined : view.activations.get(data.activation);
  if (activation) activation.begun = true;
  if (data.step !== undefined) activation?.attempts.set(data.step, { run_id: data.run_id, attempt: data.attempt });
  view.lineage.set(data.run_id, {
    depth: Math.max(data.depth, parent === undefined ? 0 : parent.depth + 1),
    trust: parent?.trust === 'outside' ? 'outside' : event.trust,
    ...(root === undefined ? {} : { root }),
  });
  if (root !== undefined) view.chains.set(root, (view.chains.get(root) ?? 0) + 1);
};

const timerFired = ({ timers }: LedgerView, { data }: Event): void => {
  const [name, slot] = [String(data['name']), String(data['slot'])];
  if (slot > (timers.get(name) ?? '')) timers.set(name, slot);
};

/** What one believed event changes. Everything else, a forged reserved record too, changes nothing. */
export const fold = (state: FoldState, event: Event): void => {
  if (!isBelieved(event)) return;
  const { view, undecided } = state;
  if (!isReserved(event.type)) {
    undecided.set(event.msg_id, event);
    answerWaits(view, event);
    return;
  }
  switch (event.type) {
    case 'ROUTED':
      return routed(state, event, event.data as unknown as Routed);
    case 'HANDLER_FINISHED':
      view.waiting.delete(keyOf(event));
      foldHandler(view, event);
      return;
    case 'RUN_START':
      return runStarted(view, event.data as unknown as RunStarted, event);
    case 'RUN_STOP':
      view.runs.delete(String(event.data['run_id']));
      return;
    case 'CONDUCTOR_STOP_ALL':
      for (const activation of view.activations.values())
        if (activation.status === 'open') activation.cancel = 'stop --all';
      view.paused = true;
      return;
    case 'CONDUCTOR_PAUSED':
      view.paused = true;
      return;
    case 'CONDUCTOR_UNPAUSED':
      view.paused = false;
      return;
    case 'TASK_REQUESTED':
      undecided.set(event.msg_id, event);
      return taskRequested(view, event);
    case 'TASK_WAITING':
      undecided.set(event.msg_id, event);
      return taskWaits(view, event);
    case 'TASK_BLOCKED':
      undecided.set(event.msg_id, event);
      return taskBlocked(view, event);
    case 'TASK_STOPPED':
      undecided.set(event.msg_id, event);
      return taskStopped(view, event);
    case 'TASK_DELETED':
      undecided.set(event.msg_id, event);
      return taskDeleted(view, event);
    case 'TIMER_FIRED':
      undecided.set(event.msg_id, event);
      return timerFired(view, event);
    default:
      if (foldHandler(view, event)) return;
      if (event.type.startsWith('TASK_')) undecided.set(event.msg_id, event);
  }
};
