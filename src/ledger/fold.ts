import { isFurtherScript } from '../core/depth.js';
import { isBelieved, type Event } from '../core/event.js';
import { isReserved } from '../core/event-type.js';
import { setBounded } from '../core/bounded.js';
import { Windows } from '../core/flow/windows.js';
import type { LedgerView, Routed, RunStarted } from '../core/ledger-view.js';
import { lineageOf } from '../core/lineage.js';
import { foldRefusal } from '../core/refusals.js';
import { TASK_HANDLER } from '../core/task.js';
import { Backlog } from './backlog.js';
import { answerWaits, close, foldHandler, open } from './fold-handlers.js';
import { foldLoop, forgetLoop, stopLoops, turnStarted, turnStopped } from './loops.js';
import { foldRouted } from './routed.js';
import { ruleSwitched, runCounted, runPaid, runUncounted } from './rules.js';

/** As the ledger keeps it. */
export type View = LedgerView & { undecided: Backlog };

export const emptyView = (): View => ({
  paused: false,
  routed_to: undefined,
  activations: new Map(),
  open: new Set(),
  resumable: new Set(),
  ready: new Set(),
  waits: new Map(),
  runs: new Map(),
  waiting: new Map(),
  loops: new Map(),
  chains: new Map(),
  windows: new Windows(),
  timers: new Map(),
  lineage: new Map(),
  causes: new Map(),
  groups: new Map(),
  rules: new Map(),
  budgets: new Map(),
  undecided: new Backlog(),
  facts: new Map(),
  held: new Map(),
  refused: new Map(),
  commits: new Map(),
});

/** So much is remembered of what has ended. */
const MOST = { chains: 20_000, lineage: 50_000, causes: 10_000, commits: 50_000, facts: 10_000 };

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
  forgetLoop(view, event);
  view.waiting.delete(keyOf(event));
  for (const [key, activation] of view.activations) {
    if (activation.project_id !== event.project_id || activation.task_id !== event.task_id) continue;
    close(view, activation, 'failed');
    view.activations.delete(key);
  }
};

const taskStopped = (view: LedgerView, event: Event): void => {
  stopLoops(view, event, event);
  view.waiting.delete(keyOf(event));
  for (const id of [...view.open]) {
    const activation = view.activations.get(id);
    if (!activation || activation.project_id !== event.project_id || activation.task_id !== event.task_id) continue;
    activation.stopped = true;
    close(view, activation, 'failed');
  }
};

const runStarted = (view: LedgerView, data: RunStarted, event: Event): void => {
  const parent = data.parent_run_id === undefined ? undefined : view.lineage.get(data.parent_run_id);
  const root = data.root ?? parent?.root;
  view.runs.set(data.run_id, data);
  turnStarted(view, data);
  view.waiting.delete(keyOf(data));
  const activation = data.activation === undefined ? undefined : view.activations.get(data.activation);
  const counts = !isFurtherScript(data.agent, activation?.begun);
  if (activation) {
    activation.begun = true;
    runCounted(view, activation, event);
  }
  if (data.step !== undefined) activation?.attempts.set(data.step, { run_id: data.run_id, attempt: data.attempt });
  const lineage = {
    depth: Math.max(data.depth, parent === undefined ? 0 : parent.depth + 1),
    trust: parent?.trust === 'outside' ? ('outside' as const) : event.trust,
    ...(root === undefined ? {} : { root }),
  };
  setBounded(view.lineage, data.run_id, lineage, MOST.lineage);
  if (root !== undefined && counts) setBounded(view.chains, root, (view.chains.get(root) ?? 0) + 1, MOST.chains);
};

/** There was no room to start it: the next try is none the more. */
const runNeverWas = (view: LedgerView, run_id: string, event: Event): void => {
  const run = view.runs.get(run_id);
  const activation = view.activations.get(run?.activation ?? '');
  if (run?.step === undefined || activation?.attempts.get(run.step)?.run_id !== run_id) return;
  activation.attempts.delete(run.step);
  runUncounted(view, activation, event);
  if (activation.runs === 0) delete activation.begun;
  const isCounted = !isFurtherScript(run.agent, activation.begun);
  const { root } = activation;
  if (isCounted) setBounded(view.chains, root, Math.max(0, (view.chains.get(root) ?? 0) - 1), MOST.chains);
};

const runStopped = (view: LedgerView, event: Event): void => {
  const run_id = String(event.data['run_id']);
  const { commits, cost_usd } = event.data;
  const activation = view.activations.get(view.runs.get(run_id)?.activation ?? '');
  if (activation && typeof cost_usd === 'number') runPaid(view, activation, event, cost_usd);
  for (const commit of Array.isArray(commits) ? (commits as unknown[]) : [])
    if (typeof commit === 'string') setBounded(view.commits, commit, run_id, MOST.commits);
  if (event.data['reason'] === 'no_room') runNeverWas(view, run_id, event);
  turnStopped(view, view.runs.get(run_id), event.data);
  view.runs.delete(run_id);
};

const timerFired = ({ timers }: LedgerView, { data }: Event): void => {
  const [name, slot] = [String(data['name']), String(data['slot'])];
  if (slot > (timers.get(name) ?? '')) timers.set(name, slot);
};

const ENDS: ReadonlySet<string> = new Set(['RUN_STOP', 'HANDLER_FINISHED']);

/** As a cause by somebody else, who then inherits something. */
const mayBeNamed = ({ type, trust, depth, run_id, parents }: Event): boolean =>
  (!isReserved(type) || ENDS.has(type)) &&
  (trust === 'outside' || depth > 0 || run_id !== undefined || parents.length > 0);

/** What one believed event changes. Everything else, a forged reserved record too, changes nothing. */
export const fold = (view: LedgerView, event: Event): void => {
  if (!isBelieved(event)) return;
  if (!isReserved(event.type) || event.type === 'TIMER_FIRED' || event.type.startsWith('TASK_'))
    view.undecided.add(event);
  else if (event.type !== 'ROUTED' && event.type !== 'SNAPSHOT')
    setBounded(view.facts, event.msg_id, event, MOST.facts);
  if (mayBeNamed(event)) setBounded(view.causes, event.msg_id, lineageOf(view, event), MOST.causes);
  if (!isReserved(event.type)) return answerWaits(view, event);
  switch (event.type) {
    case 'ROUTED':
      return foldRouted(view, event, event.data as unknown as Routed);
    case 'HANDLER_FINISHED':
      view.waiting.delete(keyOf(event));
      foldHandler(view, event);
      return;
    case 'RUN_START':
      return runStarted(view, event.data as unknown as RunStarted, event);
    case 'RUN_STOP':
      return runStopped(view, event);
    case 'RUN_LOOP_STARTED':
    case 'RUN_LOOP_TURN':
    case 'RUN_LOOP_ENDED':
      return foldLoop(view, event);
    case 'RULE_ENABLED':
    case 'RULE_DISABLED':
      return ruleSwitched(view, event);
    case 'RULE_TABLE_REFUSED':
    case 'RULE_TABLE_ACCEPTED':
    case 'HANDLER_FILES_REFUSED':
    case 'HANDLER_FILES_ACCEPTED':
    case 'CONDUCTOR_CONFIG_REFUSED':
    case 'CONDUCTOR_CONFIG_ACCEPTED':
      return foldRefusal(view.refused, event);
    case 'CONDUCTOR_STOP_ALL':
      for (const id of view.open) view.activations.get(id)!.cancel = 'stop --all';
      stopLoops(view, event);
      view.paused = true;
      return;
    case 'CONDUCTOR_PAUSED':
      view.paused = true;
      return;
    case 'CONDUCTOR_UNPAUSED':
      view.paused = false;
      return;
    case 'TASK_REQUESTED':
      return taskRequested(view, event);
    case 'TASK_WAITING':
      return taskWaits(view, event);
    case 'TASK_BLOCKED':
      return taskBlocked(view, event);
    case 'TASK_STOPPED':
      return taskStopped(view, event);
    case 'TASK_DELETED':
      return taskDeleted(view, event);
    case 'TIMER_FIRED':
      return timerFired(view, event);
    default:
      foldHandler(view, event);
  }
};
