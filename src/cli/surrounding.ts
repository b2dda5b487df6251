import type { Runs } from '../core/ports.js';

/**
 * Depth of a run that is started here: 0 outside of any run, else one more than the surrounding run's, which its own
 * run-info.yaml knows better than a variable that an agent can change.
 */
export const surroundingDepth = async (runs: Runs, environment: NodeJS.ProcessEnv): Promise<number> => {
  const { RUN_ID: run_id, PROJECT_ID: project_id, TASK_ID: task_id, CURRENT_DEPTH: claimed } = environment;
  const claim = Number.parseInt(claimed ?? '', 10);
  const known = run_id && project_id && task_id ? (await runs.find({ run_id, project_id, task_id }))?.depth : undefined;
  const deepest = Math.max(known ?? -1, Number.isNaN(claim) ? -1 : claim);
  return deepest + 1;
};
