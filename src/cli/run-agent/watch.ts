import { exhaustMap, filter, firstValueFrom, from, interval, map, merge, of, timer } from 'rxjs';
import { ConductorError } from '../../core/errors.js';
import type { Task } from '../../core/task.js';
import { age } from '../ages.js';
import { clock } from '../system.js';
import { openLiveTree, type LiveTree } from '../live-tree.js';
import { findTasks } from '../tasks/list.js';
import type { Scope } from '../tasks/scope.js';
import { withLedger, type Opened } from '../with-ledger.js';
import { COMMON, durationOf, parse, projectOf, rootOf, scopesOf } from './options.js';

const HELP = `run-agent watch [--project P] [--task T …] [--timeout 30m] [--json]

Until the tasks have ended, all of the project unless named. One line a change. Ends with the worst of their meanings:
0 all completed, 1 retriable or still at work at the time limit, 2 permanent, 3 configuration.

Examples:
  run-agent watch --task a --task b --timeout 30m
`;

const OPTIONS = {
  ...COMMON,
  task: { type: 'string', multiple: true },
  'task-id': { type: 'string', multiple: true },
  timeout: { type: 'string' },
  json: { type: 'boolean' },
} as const;

const LOOK_MS = 2_000;
const hasEnded = (task: Task): boolean => ['completed', 'failed', 'stopped'].includes(task.status);
const meaning = (task: Task): number =>
  task.status === 'completed' ? 0 : task.status === 'stopped' ? 1 : task.exit || 1;
const nameOf = (task: Scope): string => `${task.project_id}/${task.task_id}`;

export const run = async (args: string[]): Promise<number> => {
  const parsed = parse(args, OPTIONS, HELP);
  if (!parsed) return 0;
  const { values, positionals } = parsed;
  const project_id = projectOf({ project: values.project, 'project-id': values['project-id'] });
  const wanted = scopesOf([...(values['task-id'] ?? []), ...(values.task ?? []), ...positionals], project_id);
  const limit = durationOf('timeout', values.timeout) ?? 1_800_000;

  return withLedger({ root: rootOf(values), config: values.config }, async (opened) => {
    const said = new Map<string, string>();
    const isWanted = (one: Scope): boolean =>
      wanted.length === 0 ? one.project_id === project_id : wanted.some((name) => nameOf(name) === nameOf(one));
    // The lines of `report` are all that a pipe gets.
    const tree = openLiveTree(isWanted, { plain: false });
    for (const start of opened.ledger.view.runs.values())
      tree.begin(start, (await opened.runs.find(start))?.start_time ?? new Date(clock.now()).toISOString());
    const telling = opened.ledger.folded$.subscribe({ next: (event) => tree.on(event), error: () => undefined });
    const look = async (): Promise<Task[]> => {
      const tasks = await findTasks(opened, wanted.length === 0 ? { project_id } : {});
      const chosen = tasks.filter(isWanted);
      const missing = wanted.find((one) => !chosen.some((task) => nameOf(one) === nameOf(task)));
      if (missing) throw new ConductorError('not_found', `there is no task ${nameOf(missing)}`);
      report(chosen, said, values.json, tree.above);
      return chosen;
    };
    const tasks = await firstValueFrom(
      merge(
        changes(opened).pipe(
          exhaustMap(() => from(look())),
          filter((found) => found.every(hasEnded)),
        ),
        timer(Math.min(limit, 2 ** 31 - 1)).pipe(map(() => undefined)),
      ),
    ).finally(() => {
      telling.unsubscribe();
      tree.close();
    });
    if (tasks) return Math.max(0, ...tasks.map(meaning));
    process.stderr.write('ERROR: timeout: they have not all ended\n');
    return 1;
  });
};

const changes = ({ ledger }: Opened) => merge(of(undefined), ledger.folded$, interval(LOOK_MS));

const report = (
  tasks: readonly Task[],
  said: Map<string, string>,
  json: boolean | undefined,
  above: LiveTree['above'],
): void => {
  const changed = tasks.filter((task) => said.get(nameOf(task)) !== task.status);
  if (changed.length === 0) return;
  for (const task of changed) said.set(nameOf(task), task.status);
  if (json) {
    const rows = tasks.map(({ task_id, status, exit, since }) => ({ task_id, status, exit_code: exit, since }));
    above(() => process.stdout.write(`${JSON.stringify({ tasks: rows, all_done: tasks.every(hasEnded) })}\n`));
    return;
  }
  const lines = changed.map((task) =>
    [nameOf(task), task.status, age(task.since, clock.now()), task.error ?? ''].join('\t').trimEnd(),
  );
  above(() => process.stdout.write(`${lines.join('\n')}\n`));
};
