import { withdraw } from './fold-approvals.js';
import type { TaskRow } from './rows.js';
import { taskKey, taskOf, touchTask, type Fold } from './shelves.js';

export const taskChanged =
  (status: TaskRow['status']): Fold =>
  (shelves, event) => {
    const task = taskOf(event);
    if (task) touchTask(shelves, event, task, { status });
  };

export const taskStopped: Fold = (shelves, event) => {
  const row = shelves.activations.get(String(event.data['activation']));
  if (row?.status === 'open') {
    shelves.activations.change(row, (one) => Object.assign(one, { status: 'cancelled', closed: event.ts }));
    withdraw(shelves, { activation: row.activation });
  }
  taskChanged('stopped')(shelves, event);
};

export const loopEnded: Fold = (shelves, event) => {
  const { status, reason } = event.data;
  const stopped = typeof reason === 'string' && reason.startsWith('stopped');
  taskChanged(stopped ? 'stopped' : status === 'completed' ? 'completed' : 'failed')(shelves, event);
};

export const taskDeleted: Fold = ({ tasks, runs }, event) => {
  const task = taskOf(event);
  if (!task) return;
  tasks.remove(taskKey(task));
  for (const run of [...runs.of(taskKey(task))]) runs.remove(run.run_id);
};
