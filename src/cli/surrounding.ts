import type { Trust } from '../core/event.js';
import type { Bus, RunScope, Runs } from '../core/ports.js';
import { ancestorRuns, groupRun } from '../runner/ancestors.js';
import { isLivingRun } from '../runner/living.js';

export interface Surroundings {
  /** Of a run that is started here: 0 outside of any run, else one more than the deepest around us. */
  depth: number;
  /** The strictest around us. */
  trust: Trust;
  /** The nearest run around us, which lends its slot and whose budgets are spent. */
  parent_run_id?: string;
}

type Told = Pick<Surroundings, 'depth' | 'trust'>;

interface Around {
  rootPath: string;
  bus: Pick<Bus, 'read'>;
  runs: Runs;
}

/** What the bus says of the run's start, which only a holder of the root's key can have said. */
const toldOf = async ({ bus }: Around, run_id: string): Promise<Told | undefined> => {
  for await (const event of bus.read({ types: ['RUN_START'], run_id, tail: 1 }))
    if (event.authentic && event.data['run_id'] === run_id)
      return { depth: Math.max(event.depth, Number(event.data['depth']) || 0), trust: event.trust };
  return undefined;
};

const notedOf = async ({ runs }: Around, run: RunScope): Promise<Told | undefined> =>
  runs.find(run).then(
    (info) => info && { depth: info.depth, trust: info.trust },
    () => undefined,
  );

/**
 * What a run that is started here inherits: from the run that the environment names, from those whose processes are
 * above us, and from the one whose control group we were born in: an agent that changes variables or leaves its parents
 * behind does not get out of them. What the bus says counts; what a variable or a file claims can only make it deeper.
 */
export const surroundings = async (around: Around, environment: NodeJS.ProcessEnv): Promise<Surroundings> => {
  const { RUN_ID: run_id, PROJECT_ID: project_id, TASK_ID: task_id, CURRENT_DEPTH: claimed } = environment;
  const above = ancestorRuns();
  const scopes = [...(run_id && project_id && task_id ? [{ run_id, project_id, task_id }] : []), ...above];
  const group = groupRun(around.rootPath);
  const ids = new Set([...scopes.map((scope) => scope.run_id), ...(group === undefined ? [] : [group])]);
  const known = await Promise.all([
    ...[...ids].map((id) => toldOf(around, id)),
    ...scopes.map((scope) => notedOf(around, scope)),
  ]);
  const parent_run_id = group ?? (run_id || above.find((run) => isLivingRun(around.rootPath, run.run_id))?.run_id);
  const claim = Number.parseInt(claimed ?? '', 10);
  return {
    depth: Math.max(-1, Number.isNaN(claim) ? -1 : claim, ...known.map((one) => one?.depth ?? -1)) + 1,
    trust: known.some((one) => one?.trust === 'outside') ? 'outside' : 'full',
    ...(parent_run_id === undefined ? {} : { parent_run_id }),
  };
};
