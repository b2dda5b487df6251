import type { Event } from '../core/event.js';
import type { Bus, Runs, RunScope } from '../core/ports.js';
import { spentOf, type Spent } from '../core/run.js';
import { most, NOTHING, plus } from '../core/share.js';
import { isLivingRun } from './living.js';

export const taskOf = ({ project_id, task_id }: { project_id: string; task_id: string }): string =>
  `${project_id}/${task_id}`;
export const dayOf = (ts: string): string => ts.slice(0, 10);

interface Started extends RunScope {
  parent: string | undefined;
  agent: string;
  rule: string | undefined;
}

/** So many runs of an agent tell what the next one may use up. */
const REMEMBERED = 10;

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
/** An activation is `<rule>/<msg_id>`. */
const ruleOf = (activation: string | undefined): string | undefined =>
  activation?.slice(0, activation.lastIndexOf('/'));
const ruleOn = (day: string, rule: string): string => `${day} ${rule}`;

/** What tasks, rules and days used up by runs that have ended: off the bus, read on from where it was read last. */
export const openSpending = (ports: { rootPath: string; bus: Pick<Bus, 'read'>; runs: Pick<Runs, 'find'> }) => {
  /** Whose end was not said. */
  const runs = new Map<string, Started>();
  const tasks = new Map<string, Spent>();
  const rules = new Map<string, Spent>();
  const days = new Map<string, Spent>();
  /** Of each agent the last that told what they used up. */
  const latest = new Map<string, Spent[]>();
  let since_id = '';

  const add = (to: Map<string, Spent>, key: string, spent: Spent): void =>
    void to.set(key, plus(to.get(key) ?? NOTHING, spent));

  /** The run, and those above it. */
  const lineOf = (run_id: string): Started[] => {
    const line: Started[] = [];
    for (let run = runs.get(run_id); run && line.length < 32; run = runs.get(run.parent ?? '')) line.push(run);
    return line;
  };
  const tasksOf = (run_id: string): Set<string> => new Set(lineOf(run_id).map(taskOf));
  const rulesOf = (run_id: string): Set<string> => new Set(lineOf(run_id).flatMap(({ rule }) => rule ?? []));

  const hear = ({ type, ts, data, project_id, task_id = '' }: Event): void => {
    const run_id = String(data['run_id']);
    if (type === 'RUN_START') {
      runs.set(run_id, {
        run_id,
        project_id,
        task_id,
        parent: textOf(data['parent_run_id']),
        agent: String(data['agent']),
        rule: textOf(data['budget']) ?? ruleOf(textOf(data['activation'])),
      });
      return;
    }
    const spent = spentOf(data);
    for (const task of tasksOf(run_id)) add(tasks, task, spent);
    for (const rule of rulesOf(run_id)) add(rules, ruleOn(dayOf(ts), rule), spent);
    add(days, dayOf(ts), spent);
    const agent = runs.get(run_id)?.agent;
    if (agent !== undefined && spent.usd + spent.tokens > 0)
      latest.set(agent, [...(latest.get(agent) ?? []).slice(1 - REMEMBERED), spent]);
    runs.delete(run_id);
  };

  const readOn = async (): Promise<void> => {
    for await (const event of ports.bus.read({ types: ['RUN_START', 'RUN_STOP'], since_id })) {
      since_id = event.msg_id;
      if (event.authentic) hear(event);
    }
  };

  /** They left what they used up in their folders, and it is not on the bus yet. */
  const justEnded = async (): Promise<{ tasks: Set<string>; rules: Set<string>; spent: Spent }[]> => {
    const gone = [...runs.values()].filter(({ run_id }) => !isLivingRun(ports.rootPath, run_id));
    const found = gone.map(async (run) => {
      const info = await ports.runs.find(run).catch(() => undefined);
      return { tasks: tasksOf(run.run_id), rules: rulesOf(run.run_id), spent: info ? spentOf(info) : NOTHING };
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
      rule: (rule: string): Spent =>
        plus(rules.get(ruleOn(today, rule)) ?? NOTHING, sum(late.filter((run) => run.rules.has(rule)))),
      /** Of the agent's last runs. */
      dearest: (agent: string): Spent => (latest.get(agent) ?? []).reduce(most, NOTHING),
    };
  };
};
