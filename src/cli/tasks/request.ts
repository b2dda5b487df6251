import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MAX_DEPTH } from '../../core/depth.js';
import { ConductorError } from '../../core/errors.js';
import type { Receipt } from '../../core/ports.js';
import type { TaskRequest } from '../../core/task.js';
import { writeAtomically } from '../../storage/atomic-write.js';
import { checkUser, userOf } from '../limits.js';
import type { Local } from '../local.js';
import { surroundings } from '../surrounding.js';

export interface Scope {
  project_id: string;
  task_id: string;
}

/** Says durably that a run is asked for, and puts the prompt into the task's folder for people to read. */
export const requestTask = async (local: Local, scope: Scope, request: TaskRequest): Promise<Receipt> => {
  if (request.prompt.trim() === '') throw new ConductorError('usage', 'the prompt is empty');
  const { depth, trust } = await surroundings({ ...local, rootPath: local.root.path }, process.env);
  if (depth >= MAX_DEPTH)
    throw new ConductorError('too_deep', `depth ${depth} is too deep: nothing starts at ${MAX_DEPTH} or deeper`);
  const user = userOf(process.env);
  await checkUser(local, user);
  const run_id = process.env['RUN_ID'];
  const [receipt] = await local.bus.record([
    {
      ...scope,
      type: 'TASK_REQUESTED',
      ...(run_id ? { run_id, source: `run:${run_id}` } : { source: 'cli' }),
      depth,
      trust,
      ...(user === undefined ? {} : { actor: user }),
      data: { ...request },
      body: `${request.agent} is asked for: ${request.prompt.trim().split('\n')[0]!.slice(0, 200)}`,
    },
  ]);
  const folder = local.runs.folder(scope);
  await mkdir(folder, { recursive: true });
  await writeAtomically(join(folder, 'TASK.md'), request.prompt);
  await rm(join(folder, 'DONE'), { force: true });
  return receipt!;
};

/** The agent by its name: a name nobody knows is refused; one that is only missing here may be found by the service. */
export const chooseAgent = (local: Local, name: string | undefined, warn: (message: string) => void): string => {
  const surrounding = process.env['AGENT'];
  if (name === undefined) return local.agents.choose(surrounding ? [surrounding] : undefined).name;
  try {
    return local.agents.find(name).name;
  } catch (error) {
    const known = local.agents.list().some((agent) => agent.name === name);
    if (!known || !(error instanceof ConductorError)) throw error;
    warn(`${error.message}; the service may find it`);
    return name;
  }
};

export const promptOfFolder = (folder: string): string | undefined => {
  const file = join(folder, 'TASK.md');
  return existsSync(file) ? file : undefined;
};
