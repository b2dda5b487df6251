import { basename, dirname, resolve } from 'node:path';
import { ConductorError } from '../../core/errors.js';
import type { RunInfo } from '../../core/run.js';
import type { Local } from '../local.js';
import { checkId, projectOf, taskOf, usage } from './options.js';

export const RUN_SELECTION = {
  run: { type: 'string' },
  'run-id': { type: 'string' },
  'run-dir': { type: 'string' },
} as const;

interface Selection {
  run?: string | undefined;
  'run-id'?: string | undefined;
  'run-dir'?: string | undefined;
  project?: string | undefined;
  'project-id'?: string | undefined;
  task?: string | undefined;
  'task-id'?: string | undefined;
}

export interface RunScope {
  project_id: string;
  task_id: string;
  run_id?: string;
}

/** From --run-dir, else from ids; a task may also stand without an option. */
export const runScopeOf = (values: Selection, positionals: readonly string[]): RunScope => {
  if (values['run-dir'] !== undefined) {
    const folder = resolve(values['run-dir']);
    return {
      project_id: checkId('run-dir', basename(dirname(dirname(folder)))),
      task_id: checkId('run-dir', basename(dirname(folder))),
      run_id: basename(folder),
    };
  }
  const [first, second] = (positionals[0] ?? '').split('/', 2);
  const task_id = taskOf(values) ?? (second || first || process.env['TASK_ID']);
  if (!task_id) throw usage('which task? --project P --task T, or --run-dir FOLDER');
  const run_id = values['run-id'] ?? values.run;
  return {
    project_id: second ? checkId('project-id', first!) : projectOf(values),
    task_id: checkId('task-id', task_id),
    ...(run_id === undefined ? {} : { run_id }),
  };
};

/** The run named, else the newest of the task. Throws `not_found`. */
export const findRun = async ({ runs }: Local, scope: RunScope): Promise<RunInfo> => {
  const { project_id, task_id, run_id } = scope;
  if (run_id !== undefined) {
    const run = await runs.find({ project_id, task_id, run_id });
    if (run) return run;
    throw new ConductorError('not_found', `there is no run ${run_id} of ${project_id}/${task_id}`);
  }
  for await (const run of runs.list({ project_id, task_id, latest: true })) return run;
  throw new ConductorError('not_found', `nothing of ${project_id}/${task_id} ran yet`);
};
