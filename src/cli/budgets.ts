import { concatMap, defer, from, of } from 'rxjs';
import type { Config } from '../core/config.js';
import type { Event } from '../core/event.js';
import type { AttemptSpec, Bus, Clock, Runner } from '../core/ports.js';
import { isUsedUp, leftOf, spentOf, stricter, type RunLimits, type Spent } from '../core/run.js';
import { failedEnd } from '../pipeline/run-attempts.js';

type Ports = { bus: Bus; clock: Pick<Clock, 'now'>; config: Config };

const NOTHING: Spent = { usd: 0, tokens: 0 };
const taskOf = ({ project_id, task_id }: { project_id: string; task_id: string }): string => `${project_id}/${task_id}`;
const dayOf = (ts: string): string => ts.slice(0, 10);

/** What tasks and days used up, off the bus, read on from where it was read last. */
const openSpending = (bus: Bus) => {
  /** Runs at work: their task, and who started them. */
  const runs = new Map<string, { task: string; parent: string | undefined }>();
  const tasks = new Map<string, Spent>();
  const days = new Map<string, Spent>();
  let since_id = '';

  const add = (to: Map<string, Spent>, key: string, { usd, tokens }: Spent): void => {
    const before = to.get(key) ?? NOTHING;
    to.set(key, { usd: before.usd + usd, tokens: before.tokens + tokens });
  };

  /** Of the run, and of those above it. */
  const tasksOf = (run_id: string | undefined): Set<string> => {
    const found = new Set<string>();
    for (let run = runs.get(run_id ?? ''); run && found.size < 32; run = runs.get(run.parent ?? ''))
      found.add(run.task);
    return found;
  };

  const hear = ({ type, ts, data, project_id, task_id = '' }: Event): void => {
    const run_id = String(data['run_id']);
    if (type === 'RUN_START') {
      const { parent_run_id } = data;
      const parent = typeof parent_run_id === 'string' ? parent_run_id : undefined;
      runs.set(run_id, { task: taskOf({ project_id, task_id }), parent });
      return;
    }
    const spent = spentOf(data);
    for (const task of tasksOf(run_id)) add(tasks, task, spent);
    add(days, dayOf(ts), spent);
    runs.delete(run_id);
  };

  const readOn = async (): Promise<void> => {
    for await (const event of bus.read({ types: ['RUN_START', 'RUN_STOP'], since_id })) {
      since_id = event.msg_id;
      if (event.authentic) hear(event);
    }
  };

  let reading = Promise.resolve();
  return async (task: string, day: string): Promise<{ task: Spent; day: Spent }> => {
    // One after the other: what two read would be counted twice.
    reading = reading.then(readOn, readOn);
    await reading;
    return { task: tasks.get(task) ?? NOTHING, day: days.get(day) ?? NOTHING };
  };
};

const isSet = ({ usd, tokens }: RunLimits): boolean => usd !== undefined || tokens !== undefined;

/** Gives each run what is left of `budgets`, and refuses it when that is nothing. */
export const limitSpending = (runner: Runner, { bus, clock, config }: Ports): Runner => {
  const { run, task, day } = config.budgets;
  if (![run, task, day].some(isSet)) return runner;
  const spending = openSpending(bus);

  const attempt = async (spec: AttemptSpec) => {
    const today = dayOf(new Date(clock.now()).toISOString());
    const spent = isSet(task) || isSet(day) ? await spending(taskOf(spec), today) : { task: NOTHING, day: NOTHING };
    const [ofTask, ofDay] = [leftOf(task, spent.task), leftOf(day, spent.day)];
    const over = isUsedUp(ofTask) ? `the task ${taskOf(spec)}` : isUsedUp(ofDay) ? `the day ${today}` : undefined;
    if (over !== undefined) return of(failedEnd(spec.run_id, 2, `the budget of ${over} is used up`, 'budget'));
    const limits = [run, ofTask, ofDay].reduce<RunLimits>(stricter, spec.limits ?? {});
    return runner.attempt({ ...spec, limits });
  };
  return { ...runner, attempt: (spec) => defer(() => from(attempt(spec))).pipe(concatMap((run$) => run$)) };
};
