import type { Event } from '../../core/event.js';
import type { Routed, StepResult } from '../../core/ledger-view.js';
import { askAgain, withdraw } from './fold-approvals.js';
import { taskOf, touchTask, type Fold } from './shelves.js';

export const routed: Fold = (shelves, event) => {
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

/** What somebody asked for is carried like an activation that no rule had to open. */
export const requested =
  (rule: 'task' | 'handler', handlerOf: (event: Event) => string): Fold =>
  (shelves, event) => {
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

export const stepFinished: Fold = (shelves, event) => {
  const { activation, step, status, attempts, exit, run_id, error } = event.data as unknown as StepResult;
  withdraw(shelves, { activation }, step);
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

export const handlerFinished: Fold = (shelves, event) => {
  const row = shelves.activations.get(String(event.data['activation']));
  if (!row) return;
  withdraw(shelves, { activation: row.activation });
  const { exit, error } = event.data;
  const said = event.data['status'];
  const status = said === 'completed' || said === 'cancelled' ? said : 'failed';
  shelves.activations.change(row, (one) => {
    one.status = status;
    one.closed = event.ts;
    if (typeof exit === 'number') one.exit = exit;
    if (typeof error === 'string') one.error = error.slice(0, 500);
  });
  touchTask(shelves, event, row, { status: status === 'cancelled' ? 'stopped' : status });
};

export const handlerResumed: Fold = (shelves, event) => {
  const row = shelves.activations.get(String(event.data['activation']));
  if (!row) return;
  shelves.activations.change(row, (one) => {
    one.status = 'open';
    for (const key of ['closed', 'exit', 'error'] as const) delete one[key];
  });
  askAgain(shelves, row);
  touchTask(shelves, event, row, { status: 'running' });
};
