import type { ApprovalDecided, ApprovalRequested } from '../../core/approval.js';
import { isBelieved, type Event } from '../../core/event.js';
import type { Routed, RunStarted, StepResult } from '../../core/ledger-view.js';
import type { ActivationRow, ApprovalRow, RuleErrorRow, RunRow, TaskRow } from './rows.js';
import { TASK_HANDLER } from '../../core/task.js';
import { createShelf, type Shelf } from './shelf.js';

export interface Shelves {
  runs: Shelf<RunRow>;
  /** Those of them that have not ended, by run_id. */
  running: Map<string, RunRow>;
  tasks: Shelf<TaskRow>;
  activations: Shelf<ActivationRow>;
  approvals: Shelf<ApprovalRow>;
  /** The newest, oldest first. */
  ruleErrors: RuleErrorRow[];
  /** Messages folded in, by type. */
  counts: Map<string, number>;
}

export const taskKey = ({ project_id, task_id }: { project_id: string; task_id: string }): string =>
  `${project_id}/${task_id}`;

export const emptyShelves = (): Shelves => ({
  runs: createShelf(
    ({ run_id }) => run_id,
    (run) => [run.project_id, taskKey(run)],
  ),
  running: new Map(),
  tasks: createShelf<TaskRow>(taskKey, ({ project_id }) => [project_id]),
  activations: createShelf(
    ({ activation }) => activation,
    ({ project_id, rule }) => [project_id, `rule ${rule}`],
  ),
  approvals: createShelf(({ approval }) => approval),
  ruleErrors: [],
  counts: new Map(),
});

/** The task as it is from now on; made where it was not known. */
const touchTask = (
  { tasks }: Shelves,
  event: Event,
  scope: { project_id: string; task_id: string },
  change: Partial<TaskRow>,
): void => {
  const key = taskKey(scope);
  const known = tasks.get(key);
  if (known) {
    Object.assign(known, change, { last_activity: event.ts });
    return;
  }
  const { project_id, task_id } = scope;
  tasks.add({
    project_id,
    task_id,
    status: 'pending',
    runs: 0,
    running: 0,
    created: event.ts,
    last_activity: event.ts,
    msg_id: event.msg_id,
    ...change,
  });
};

const routed = (shelves: Shelves, event: Event): void => {
  for (const fired of (event.data as unknown as Routed).fired) {
    if (shelves.activations.get(fired.activation)) continue;
    const { activation, rule, handler, project_id, task_id, depth, trust, root } = fired;
    shelves.activations.add({
      activation,
      rule,
      event: fired.event,
      handler,
      project_id,
      task_id,
      depth,
      trust,
      root,
      status: 'open',
      opened: event.ts,
      steps: [],
      msg_id: event.msg_id,
    });
    touchTask(shelves, event, fired, { status: 'running', activation });
  }
};

const runStarted = (shelves: Shelves, event: Event): void => {
  const { root: _root, ...start } = event.data as unknown as RunStarted;
  if (shelves.runs.get(start.run_id)) return;
  const { run_id, project_id, task_id, agent, cwd, depth, attempt, parent_run_id, activation, step } = start;
  const row: RunRow = {
    run_id,
    project_id,
    task_id,
    agent,
    status: 'running',
    attempt,
    depth,
    cwd,
    start_time: event.ts,
    ...(parent_run_id === undefined ? {} : { parent_run_id }),
    ...(activation === undefined ? {} : { activation }),
    ...(step === undefined ? {} : { step }),
    msg_id: event.msg_id,
  };
  shelves.runs.add(row);
  shelves.running.set(run_id, row);
  const task = shelves.tasks.get(taskKey(start));
  touchTask(shelves, event, start, {
    status: 'running',
    runs: (task?.runs ?? 0) + 1,
    running: (task?.running ?? 0) + 1,
    latest_run_id: run_id,
  });
};

const runStopped = (shelves: Shelves, event: Event): void => {
  const { run_id, status, exit, exit_code, reason, cost_usd, duration_ms } = event.data;
  const run = shelves.runs.get(String(run_id));
  if (!run) return;
  const wasRunning = run.status === 'running';
  shelves.running.delete(run.run_id);
  run.status = status === 'completed' ? 'completed' : 'failed';
  run.end_time = event.ts;
  if (typeof exit === 'number') run.exit = exit;
  if (typeof exit_code === 'number') run.exit_code = exit_code;
  if (typeof duration_ms === 'number') run.duration_ms = duration_ms;
  if (typeof cost_usd === 'number') run.cost_usd = cost_usd;
  if (typeof reason === 'string') run.reason = reason;
  if (typeof event.data['class'] === 'string') run.class = event.data['class'];
  if (run.status === 'failed') run.error = event.body.slice(0, 500);
  const task = shelves.tasks.get(taskKey(run));
  if (!task) return;
  const running = Math.max(0, task.running - (wasRunning ? 1 : 0));
  const carried = task.activation && shelves.activations.get(task.activation)?.status === 'open';
  // A stopped task stays so while its runs end.
  const now = task.status === 'stopped' ? 'stopped' : running > 0 || carried ? 'running' : run.status;
  touchTask(shelves, event, run, { running, status: now });
};

const stepFinished = (shelves: Shelves, event: Event): void => {
  const { activation, step, status, attempts, exit, run_id, error } = event.data as unknown as StepResult;
  const row = shelves.activations.get(activation);
  if (!row) return;
  row.steps = row.steps.filter((one) => one.step !== step);
  row.steps.push({
    step,
    status,
    attempts,
    exit,
    ...(run_id === undefined ? {} : { run_id }),
    ...(error === undefined ? {} : { error: error.slice(0, 500) }),
  });
};

const handlerFinished = (shelves: Shelves, event: Event): void => {
  const row = shelves.activations.get(String(event.data['activation']));
  if (!row) return;
  const { status } = event.data;
  row.status = status === 'completed' || status === 'cancelled' ? status : 'failed';
  row.closed = event.ts;
  if (typeof event.data['exit'] === 'number') row.exit = event.data['exit'];
  if (typeof event.data['error'] === 'string') row.error = event.data['error'].slice(0, 500);
  touchTask(shelves, event, row, { status: row.status === 'cancelled' ? 'stopped' : row.status });
};

const handlerResumed = (shelves: Shelves, event: Event): void => {
  const row = shelves.activations.get(String(event.data['activation']));
  if (!row) return;
  row.status = 'open';
  for (const key of ['closed', 'exit', 'error'] as const) delete row[key];
  touchTask(shelves, event, row, { status: 'running' });
};

const taskOf = (event: Event): { project_id: string; task_id: string } | undefined =>
  event.task_id === undefined ? undefined : { project_id: event.project_id, task_id: event.task_id };

/** What somebody asked for is carried like an activation that no rule had to open. */
const requested =
  (rule: 'task' | 'handler', handlerOf: (event: Event) => string) =>
  (shelves: Shelves, event: Event): void => {
    const task = taskOf(event);
    if (!task) return;
    const { msg_id, depth, trust, ts } = event;
    const activation = `${rule}/${msg_id}`;
    shelves.activations.add({
      activation,
      rule,
      event: msg_id,
      handler: handlerOf(event),
      ...task,
      depth,
      trust,
      root: event.parents.find(({ kind }) => kind === 'root')?.msg_id ?? msg_id,
      status: 'open',
      opened: ts,
      steps: [],
      msg_id,
    });
    touchTask(shelves, event, task, { status: 'pending', activation });
  };

const taskChanged =
  (status: TaskRow['status']) =>
  (shelves: Shelves, event: Event): void => {
    const task = taskOf(event);
    if (task) touchTask(shelves, event, task, { status });
  };

const taskStopped = (shelves: Shelves, event: Event): void => {
  const row = shelves.activations.get(String(event.data['activation']));
  if (row?.status === 'open') Object.assign(row, { status: 'cancelled', closed: event.ts });
  taskChanged('stopped')(shelves, event);
};

const loopEnded = (shelves: Shelves, event: Event): void => {
  const { status, reason } = event.data;
  const stopped = typeof reason === 'string' && reason.startsWith('stopped');
  taskChanged(stopped ? 'stopped' : status === 'completed' ? 'completed' : 'failed')(shelves, event);
};

const approvalRequested = ({ approvals }: Shelves, event: Event): void => {
  const asked = event.data as unknown as ApprovalRequested;
  if (approvals.get(asked.approval)) return;
  const { approval, question, run_id, activation, step, expires_at } = asked;
  approvals.add({
    approval,
    question,
    status: 'waiting',
    project_id: event.project_id,
    ...(event.task_id === undefined ? {} : { task_id: event.task_id }),
    ...(run_id === undefined ? {} : { run_id }),
    ...(activation === undefined ? {} : { activation }),
    ...(step === undefined ? {} : { step }),
    ...(asked.default === undefined ? {} : { default: asked.default }),
    ...(expires_at === undefined ? {} : { expires_at }),
    asked: event.ts,
    msg_id: event.msg_id,
  });
};

const approvalDecided = ({ approvals }: Shelves, event: Event): void => {
  const { approval, decision, by, comment } = event.data as unknown as ApprovalDecided;
  const row = approvals.get(approval);
  if (row?.status !== 'waiting') return;
  row.status = decision === 'approve' ? 'approve' : 'reject';
  row.decided = event.ts;
  row.by = by;
  if (comment !== undefined) row.comment = comment;
};

const MOST_RULE_ERRORS = 500;
const ruleErred = ({ ruleErrors }: Shelves, { data, ts, msg_id }: Event): void => {
  ruleErrors.push({
    rule: String(data['rule']),
    event: String(data['event']),
    error: String(data['message']).slice(0, 500),
    ts,
    msg_id,
  });
  if (ruleErrors.length > MOST_RULE_ERRORS) ruleErrors.shift();
};

const removeRun = ({ runs, running }: Shelves, run_id: string): void => {
  runs.remove(run_id);
  running.delete(run_id);
};

const FOLDS: Readonly<Record<string, (shelves: Shelves, event: Event) => void>> = {
  ROUTED: routed,
  RUN_START: runStarted,
  RUN_STOP: runStopped,
  STEP_FINISHED: stepFinished,
  HANDLER_FINISHED: handlerFinished,
  APPROVAL_REQUESTED: approvalRequested,
  APPROVAL_DECIDED: approvalDecided,
  HANDLER_RESUMED: handlerResumed,
  TASK_REQUESTED: requested('task', () => TASK_HANDLER),
  HANDLER_REQUESTED: requested('handler', ({ data }) => String(data['handler'])),
  RULE_ERROR: ruleErred,
  RUN_LOOP_STARTED: taskChanged('pending'),
  RUN_LOOP_TURN: taskChanged('running'),
  RUN_LOOP_ENDED: loopEnded,
  TASK_WAITING: taskChanged('pending'),
  TASK_BLOCKED: taskChanged('failed'),
  TASK_STOPPED: taskStopped,
  TASK_DELETED: (shelves, event) => {
    const task = taskOf(event);
    if (!task) return;
    shelves.tasks.remove(taskKey(task));
    for (const run of shelves.runs.of(taskKey(task))) removeRun(shelves, run.run_id);
  },
  RUN_DELETED: (shelves, event) => removeRun(shelves, String(event.data['run_id'])),
};

/** What one message changes in the lists. Only what is believed counts, as in the ledger. */
export const fold = (shelves: Shelves, event: Event): void => {
  shelves.counts.set(event.type, (shelves.counts.get(event.type) ?? 0) + 1);
  if (isBelieved(event) && Object.hasOwn(FOLDS, event.type)) FOLDS[event.type]?.(shelves, event);
};
