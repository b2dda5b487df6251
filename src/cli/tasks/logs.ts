import { setTimeout as delay } from 'node:timers/promises';
import { ConductorError } from '../../core/errors.js';
import type { RunInfo } from '../../core/run.js';
import { copyOut, tailStart } from '../follow-file.js';
import { openLocal, type Local } from '../local.js';
import type { Scope } from './scope.js';

export const RUN_FILES = {
  output: 'output_path',
  stdout: 'stdout_path',
  stderr: 'stderr_path',
  prompt: 'prompt_path',
} as const satisfies Record<string, keyof RunInfo>;
export type RunFile = keyof typeof RUN_FILES;

export interface LogsOptions {
  file: RunFile;
  follow?: boolean;
  tail?: number;
  run?: string;
}

const newest = async ({ runs }: Local, scope: Scope, run_id: string | undefined): Promise<RunInfo | undefined> => {
  if (run_id !== undefined) return runs.find({ ...scope, run_id });
  for await (const run of runs.list({ ...scope, latest: true })) return run;
  return undefined;
};

/** Writes a file of one run of the task, the newest unless named; `follow`: until the run ends, waiting for it to begin. */
export const writeLogs = async (local: Local, scope: Scope, options: LogsOptions): Promise<void> => {
  let run = await newest(local, scope, options.run);
  while (!run && options.follow) {
    await delay(100);
    run = await newest(local, scope, options.run);
  }
  if (!run) throw new ConductorError('not_found', `nothing of ${scope.project_id}/${scope.task_id} ran yet`);
  const followed = run;
  const path = followed[RUN_FILES[options.file]];
  const goesOn = async (): Promise<boolean> =>
    options.follow === true && (await local.runs.find(followed))?.status === 'running';
  await copyOut(path, options.tail === undefined ? 0 : await tailStart(path, options.tail), goesOn);
};

export const showLogs = async (
  options: LogsOptions & { root: string; config?: string },
  scope: Scope,
): Promise<void> => {
  const local = await openLocal(options);
  try {
    await writeLogs(local, scope, options);
  } finally {
    await local.bus.close();
  }
};
