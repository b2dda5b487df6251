import { setTimeout as delay } from 'node:timers/promises';
import { from } from 'rxjs';
import type { TaskRow } from '../../api/lists/rows.js';
import { ConductorError } from '../../core/errors.js';
import { askService, type ServiceAddress } from '../service-client.js';
import { log } from '../system.js';
import { readRequest, type CreateOptions } from '../tasks/create-options.js';
import { awaitEnd } from '../tasks/end.js';
import type { Scope } from '../tasks/scope.js';
import { messagesAfter } from './messages.js';
import { get, serviceOf, taskPath, type Where } from './service.js';

const LOOK_MS = 200;

export const taskAt = async (service: ServiceAddress, scope: Scope): Promise<TaskRow> =>
  ((await get(service, taskPath(scope))) as { task: TaskRow }).task;

const isAtWork = ({ status, running }: TaskRow): boolean => status === 'running' || status === 'pending' || running > 0;

/** Prints the task's id. It works where the service was started, unless `cwd` names a folder there. Returns the exit code. */
export const createTask = async (where: Where & CreateOptions): Promise<number> => {
  const { project, task, agent, cwd } = where;
  const { prompt, timeout_ms, depends_on, loop } = readRequest(where);
  if (loop) throw new ConductorError('usage', '--until done is for a root on this machine');
  if (prompt === undefined) throw new ConductorError('usage', 'what is it to do? Give --prompt or --prompt-file');
  const service = await serviceOf(where);
  const body = {
    prompt,
    project_id: project,
    task_id: task,
    agent,
    cwd,
    timeout_seconds: timeout_ms === undefined ? undefined : timeout_ms / 1_000,
    depends_on,
  };
  const asked = (await askService(service, '/api/v1/tasks', { body })) as Scope & { msg_id: string };
  process.stdout.write(where.json ? `${JSON.stringify(asked)}\n` : `${asked.task_id}\n`);
  return where.wait ? awaitEnd(from(messagesAfter(service, asked.msg_id)), asked, asked.msg_id) : 0;
};

export const stopTask = async (where: Where & { reason?: string }, scope: Scope): Promise<void> => {
  const query = where.reason === undefined ? '' : `?${new URLSearchParams({ reason: where.reason }).toString()}`;
  await askService(await serviceOf(where), `${taskPath(scope)}/stop${query}`);
  log.info(`${scope.task_id} is being stopped`);
};

/** Asks for the same as its newest run once more. Prints the task's id. */
export const resumeTask = async (where: Where & { prompt?: string; agent?: string }, scope: Scope): Promise<void> => {
  const service = await serviceOf(where);
  const task = await taskAt(service, scope);
  if (task.latest_run_id === undefined)
    throw new ConductorError('not_found', `nothing of ${scope.task_id} ran yet: ask for it with "task create"`);
  if (task.status === 'running' || task.status === 'pending')
    throw new ConductorError('conflict', `${scope.task_id} is ${task.status}: stop it first`);
  const { prompt, agent } = where;
  await askService(service, `/api/v1/runs/${task.latest_run_id}/resume`, { body: { prompt, agent } });
  process.stdout.write(`${scope.task_id}\n`);
};

/** Removes the task's folder with all its runs. What was said on the bus stays. */
export const deleteTask = async (where: Where & { force?: boolean }, scope: Scope): Promise<void> => {
  const service = await serviceOf(where);
  if (where.force && isAtWork(await taskAt(service, scope))) {
    await askService(service, `${taskPath(scope)}/stop`);
    while (isAtWork(await taskAt(service, scope))) await delay(LOOK_MS);
  }
  await askService(service, taskPath(scope), { method: 'DELETE' });
  log.info(`${scope.task_id} is deleted`);
};
