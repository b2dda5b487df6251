import { concatMap, filter, firstValueFrom, from, interval, map, merge, of, type Observable } from 'rxjs';
import { ConductorError } from '../core/errors.js';
import type { LedgerView } from '../core/ledger-view.js';
import type { Clock, Ledger, Runs } from '../core/ports.js';
import { tasksOf, type Task } from '../core/task.js';

interface Scope {
  project_id: string;
  task_id: string;
}

/** A task that is started beside us may be said a moment after us. */
const GRACE_MS = 10_000;
/** For what nobody says on the bus, as the end of a run whose starter died. */
const LOOK_MS = 2_000;

const CHANGES = ['RUN_', 'HANDLER_', 'TASK_'];
/** Of `project/task`. */
export const scopeOfName = (name: string): Scope => {
  const [project_id = '', task_id = ''] = name.split('/', 2);
  return { project_id, task_id };
};
const nameOf = ({ project_id, task_id }: Scope): string => `${project_id}/${task_id}`;

/** The way from `task` over what it waits for back to itself. */
const findCircle = (view: LedgerView, task: string, wanted: readonly string[]): string[] | undefined => {
  const seen = new Set<string>();
  const walk = (name: string, path: string[]): string[] | undefined => {
    if (name === task) return [...path, name];
    if (seen.has(name)) return undefined;
    seen.add(name);
    for (const next of view.waiting.get(name)?.depends_on ?? []) {
      const found = walk(next, [...path, name]);
      if (found) return found;
    }
    return undefined;
  };
  for (const name of wanted) {
    const found = walk(name, [task]);
    if (found) return found;
  }
  return undefined;
};

/**
 * Resolves when all that are wanted have completed. Rejects with `dependency_failed` as soon as one has failed, waits
 * for this task itself, or is not there: nothing waits for ever.
 */
export const dependenciesDone = async (
  ports: { ledger: Ledger; runs: Runs; clock: Clock },
  task: Scope,
  wanted: readonly Scope[],
  stop$: Observable<unknown>,
): Promise<void> => {
  const began = ports.clock.now();
  const names = wanted.map(nameOf);
  const refuse = (message: string): never => {
    throw new ConductorError('dependency_failed', `${nameOf(task)} does not start: ${message}`);
  };

  const latest = async (scope: Scope): Promise<Task | undefined> => {
    const runs = [];
    for await (const run of ports.runs.list({ ...scope, latest: true })) runs.push(run);
    return tasksOf(ports.ledger.view, runs).find((one) => nameOf(one) === nameOf(scope));
  };

  const allDone = async (): Promise<boolean> => {
    const circle = findCircle(ports.ledger.view, nameOf(task), names);
    if (circle) refuse(`the tasks wait for each other: ${circle.join(' → ')}`);
    let done = true;
    for (const scope of wanted) {
      const one = await latest(scope);
      if (one?.status === 'failed' || one?.status === 'stopped')
        refuse(`it depends on ${nameOf(scope)}, which ${one.status === 'failed' ? 'failed' : 'was stopped'}`);
      if (!one && ports.clock.now() - began >= GRACE_MS)
        refuse(`it depends on ${nameOf(scope)}, and there is no such task`);
      done &&= one?.status === 'completed';
    }
    return done;
  };

  const look$ = merge(
    of(undefined),
    ports.ledger.folded$.pipe(filter((event) => CHANGES.some((prefix) => event.type.startsWith(prefix)))),
    interval(LOOK_MS, ports.clock.scheduler),
  );
  const done$ = look$.pipe(
    concatMap(() => from(allDone())),
    filter((done) => done),
  );
  const stopped$ = stop$.pipe(map(() => false));
  if (!(await firstValueFrom(merge(done$, stopped$)))) throw new ConductorError('stopped', 'stopped while it waited');
};
