import type { Event } from '../../core/event.js';
import type { ActivationRow, ApprovalRow, RuleErrorRow, RunRow, TaskRow } from './rows.js';
import { createShelf, type Shelf } from './shelf.js';

/** Everything that is listed. Groups are projects, tasks as `project/task`, and `<field> <value>`. */
export interface Shelves {
  runs: Shelf<RunRow>;
  tasks: Shelf<TaskRow>;
  activations: Shelf<ActivationRow>;
  approvals: Shelf<ApprovalRow>;
  /** The newest, oldest first. */
  ruleErrors: RuleErrorRow[];
  /** Messages folded in, by type. */
  counts: Map<string, number>;
}

/** What one message changes. */
export type Fold = (shelves: Shelves, event: Event) => void;

export interface TaskScope {
  project_id: string;
  task_id: string;
}

export const taskKey = ({ project_id, task_id }: TaskScope): string => `${project_id}/${task_id}`;

export const taskOf = ({ project_id, task_id }: Event): TaskScope | undefined =>
  task_id === undefined ? undefined : { project_id, task_id };

/** The groups of all that have these values, of one project or task where it is named. */
export const groupsOf = (values: Record<string, string | undefined>, scope?: string): string[] => {
  const named = Object.entries(values).flatMap(([field, value]) => (value === undefined ? [] : [`${field} ${value}`]));
  return scope === undefined ? named : [scope, ...named];
};

export const emptyShelves = (): Shelves => ({
  runs: createShelf(
    ({ run_id }) => run_id,
    ({ status, agent, activation, parent_run_id, ...run }) => [
      run.project_id,
      ...groupsOf({ status, agent, activation, parent_run_id }, taskKey(run)),
    ],
  ),
  tasks: createShelf<TaskRow>(taskKey, ({ project_id, status }) => groupsOf({ status }, project_id)),
  activations: createShelf(
    ({ activation }) => activation,
    ({ project_id, rule, status }) => groupsOf({ rule, status }, project_id),
  ),
  approvals: createShelf(
    ({ approval }) => approval,
    ({ status, activation, run_id }) => groupsOf({ status, activation, run_id }),
  ),
  ruleErrors: [],
  counts: new Map(),
});

/** The task as it is from now on; made where it was not known. */
export const touchTask = ({ tasks }: Shelves, event: Event, scope: TaskScope, change: Partial<TaskRow>): void => {
  const known = tasks.get(taskKey(scope));
  if (known) {
    tasks.change(known, (task) => Object.assign(task, change, { last_activity: event.ts }));
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
