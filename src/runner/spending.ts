import type { Event } from '../core/event.js';
import type { Bus, Runs, RunScope } from '../core/ports.js';
import { spentOf, type Spent } from '../core/run.js';
import { NOTHING, plus } from '../core/share.js';
import { isLivingRun } from './living.js';

export const taskOf = ({ project_id, task_id }: { project_id: string; task_id: string }): string =>
  `${project_id}/${task_id}`;
export const dayOf = (ts: string): string => ts.slice(0, 10);

interface Started extends RunScope {
  parent: string | undefined;
}

/** What tasks and days used up by runs that have ended: off the bus, read on from where it was read last. */
export const openSpending = (ports: { rootPath: string; bus: Pick<Bus, 'read'>; runs: Pick<Runs, 'find'> }) => {
  /** Whose end was not said. */
  const runs = new Map<string, Started>();
  const tasks = new Map<string, Spent>();
  const days = new Map<string, Spent>();
  let since_id = '';

  const add = (to: Map<string, Spent>, key: string, spent: Spent): void =>
    void to.set(key, plus(to.get(key) ?? NOTHING, spent));

  /** Of the run, and of those above it. */
  const tasksOf = (run_id: string | undefined): Set<string> => {
    const found = new Set<string>();
    for (let run = runs.get(run_id ?? ''); run && found.size < 32; run = runs.get(run.parent ?? ''))
      found.add(taskOf(run));
    return found;
  };

  const hear = ({ type, ts, data, project_id, task_id = '' }: Event): void => {
    const run_id = String(data['run_id']);
    if (type === 'RUN_START') {
      const { parent_run_id } = data;
      const parent = typeof parent_run_id === 'string' ? parent_run_id : undefined;
      runs.set(run_id, { run_id, project_id, task_id, parent });
      return;
    }
    const spent = spentOf(data);
    for (const task of tasksOf(run_id)) add(tasks, task, spent);
    add(days, dayOf(ts), spent);
    runs.delete(run_id);
  };

  const readOn = async (): Promise<void> => {
    for await (const event of ports.bus.read({ types: ['RUN_START', 'RUN_STOP'], since_id })) {
      since_id = event.msg_id;
      if (event.authentic) hear(event);
    }
  };

  /** They left what they used up in their folders, and it is not on the bus yet. */
  const justEnded = async (): Promise<{ tasks: Set<string>; spent: Spent }[]> => {
    const gone = [...runs.values()].filter(({ run_id }) => !isLivingRun(ports.rootPath, run_id));
    const found = gone.map(async (run) => {
      const info = await ports.runs.find(run).catch(() => undefined);
      return { tasks: tasksOf(run.run_id), spent: info ? spentOf(info) : NOTHING };
    });
    return Promise.all(found);
  };

  let reading = Promise.resolve();
  return async (today: string) => {
    // One after the other: what two read would be counted twice.
    reading = reading.then(readOn, readOn);
    await reading;
    const late = await justEnded();
    const sum = (from: readonly { spent: Spent }[]): Spent =>
      from.reduce((total, { spent }) => plus(total, spent), NOTHING);
    return {
      day: plus(days.get(today) ?? NOTHING, sum(late)),
      task: (task: string): Spent => plus(tasks.get(task) ?? NOTHING, sum(late.filter((run) => run.tasks.has(task)))),
    };
  };
};
