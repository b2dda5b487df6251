import type { Trust } from '../core/event.js';
import type { Runs } from '../core/ports.js';
import { ancestorRuns } from '../runner/ancestors.js';

export interface Surroundings {
  /** Of a run that is started here: 0 outside of any run, else one more than the deepest around us. */
  depth: number;
  /** The strictest around us. */
  trust: Trust;
}

/**
 * What a run that is started here inherits: from the run that the environment names, and from those whose processes
 * are above us, which an agent that changes variables cannot take away. Their run-info.yaml knows better than a variable.
 */
export const surroundings = async (runs: Runs, environment: NodeJS.ProcessEnv): Promise<Surroundings> => {
  const { RUN_ID: run_id, PROJECT_ID: project_id, TASK_ID: task_id, CURRENT_DEPTH: claimed } = environment;
  const named = run_id && project_id && task_id ? [{ run_id, project_id, task_id }] : [];
  const around = await Promise.all(
    [...named, ...ancestorRuns()].map((scope) => runs.find(scope).catch(() => undefined)),
  );
  const claim = Number.parseInt(claimed ?? '', 10);
  const depths = around.map((info) => info?.depth ?? -1);
  return {
    depth: Math.max(-1, Number.isNaN(claim) ? -1 : claim, ...depths) + 1,
    trust: around.some((info) => info?.trust === 'outside') ? 'outside' : 'full',
  };
};
