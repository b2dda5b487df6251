import type { RunStarted } from '../../core/ledger-view.js';
import type { RunRow } from './rows.js';
import { withdraw } from './fold-approvals.js';
import { taskKey, touchTask, type Fold } from './shelves.js';

export const runStarted: Fold = (shelves, event) => {
  const { root: _root, ...start } = event.data as unknown as RunStarted;
  if (shelves.runs.get(start.run_id)) return;
  const { run_id, project_id, task_id, agent, cwd, depth, attempt, parent_run_id, activation, step } = start;
  shelves.runs.add({
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
  });
  const task = shelves.tasks.get(taskKey(start));
  touchTask(shelves, event, start, {
    status: 'running',
    runs: (task?.runs ?? 0) + 1,
    running: (task?.running ?? 0) + 1,
    latest_run_id: run_id,
  });
};

export const runStopped: Fold = (shelves, event) => {
  const { run_id, status, exit, exit_code, reason, cost_usd, duration_ms } = event.data;
  const run = shelves.runs.get(String(run_id));
  if (!run) return;
  withdraw(shelves, { run_id: run.run_id });
  const wasRunning = run.status === 'running';
  const ended = (row: RunRow): void => {
    row.status = status === 'completed' ? 'completed' : 'failed';
    row.end_time = event.ts;
    if (typeof exit === 'number') row.exit = exit;
    if (typeof exit_code === 'number') row.exit_code = exit_code;
    if (typeof duration_ms === 'number') row.duration_ms = duration_ms;
    if (typeof cost_usd === 'number') row.cost_usd = cost_usd;
    if (typeof reason === 'string') row.reason = reason;
    if (typeof event.data['class'] === 'string') row.class = event.data['class'];
    if (row.status === 'failed') row.error = event.body.slice(0, 500);
  };
  shelves.runs.change(run, ended);
  const task = shelves.tasks.get(taskKey(run));
  if (!task) return;
  const running = Math.max(0, task.running - (wasRunning ? 1 : 0));
  const carried = task.activation && shelves.activations.get(task.activation)?.status === 'open';
  // A stopped task stays so while its runs end.
  const now = task.status === 'stopped' ? 'stopped' : running > 0 || carried ? 'running' : run.status;
  touchTask(shelves, event, run, { running, status: now });
};

export const runDeleted: Fold = ({ runs }, event) => runs.remove(String(event.data['run_id']));
