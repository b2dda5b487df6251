import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MAX_DEPTH } from '../../core/depth.js';
import { ConductorError } from '../../core/errors.js';
import type { LoopOptions } from '../../core/loop.js';
import type { Receipt } from '../../core/ports.js';
import type { TaskRequest } from '../../core/task.js';
import { beginLoop } from '../../pipeline/until-done.js';
import { inheritable } from '../../runner/environment.js';
import { writeAtomically } from '../../storage/atomic-write.js';
import { checkUser, userOf } from '../limits.js';
import type { Local } from '../local.js';
import { claimLoop } from '../loop-options.js';
import { surroundings } from '../surrounding.js';
import type { Scope } from './scope.js';

/** What is inherited from where it is asked for, and who asks. Throws where nothing may be started. */
const askerOf = async (local: Local) => {
  const { depth, trust } = await surroundings({ ...local, rootPath: local.root.path }, process.env);
  if (depth >= MAX_DEPTH)
    throw new ConductorError('too_deep', `depth ${depth} is too deep: nothing starts at ${MAX_DEPTH} or deeper`);
  const user = userOf(process.env);
  await checkUser(local, user);
  return { depth, trust, ...(user === undefined ? {} : { actor: user }) };
};

const checkPrompt = (prompt: string): void => {
  if (prompt.trim() === '') throw new ConductorError('usage', 'the prompt is empty');
};

/** For people to read. */
const keepPrompt = async (local: Local, scope: Scope, prompt: string): Promise<void> => {
  const folder = local.runs.folder(scope);
  await mkdir(folder, { recursive: true });
  await writeAtomically(join(folder, 'TASK.md'), prompt);
};

/** Says durably that a run is asked for, and puts the prompt into the task's folder. */
export const requestTask = async (local: Local, scope: Scope, request: TaskRequest): Promise<Receipt> => {
  checkPrompt(request.prompt);
  const asker = await askerOf(local);
  const run_id = process.env['RUN_ID'];
  const [receipt] = await local.bus.record([
    {
      ...scope,
      type: 'TASK_REQUESTED',
      ...(run_id ? { run_id, source: `run:${run_id}` } : { source: 'cli' }),
      ...asker,
      data: { ...request },
      body: `${request.agent} is asked for: ${request.prompt.trim().split('\n')[0]!.slice(0, 200)}`,
    },
  ]);
  await keepPrompt(local, scope, request.prompt);
  await rm(join(local.runs.folder(scope), 'DONE'), { force: true });
  return receipt!;
};

/** Says durably that a loop is asked for; the service carries it. Returns the message's id. */
export const requestLoop = async (
  local: Local,
  scope: Scope,
  request: TaskRequest,
  options: LoopOptions,
): Promise<string> => {
  checkPrompt(request.prompt);
  const { prompt, cwd, agent, timeout_ms, depends_on } = request;
  const asker = await askerOf(local);
  const giveUp = claimLoop(local, scope);
  try {
    await keepPrompt(local, scope, prompt);
    const begins = depends_on === undefined ? {} : { depends_on };
    const asked = { ...scope, ...asker, ...begins, prompt, cwd, agent, timeout_ms, env: {} };
    const inherited = inheritable(process.env);
    return (await beginLoop(local, { ...asked, inherited }, options)).state.since_id;
  } finally {
    giveUp();
  }
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
