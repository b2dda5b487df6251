import { readFile } from 'node:fs/promises';
import { ConductorError } from '../../core/errors.js';
import { resumptionOf } from '../../core/resumption.js';
import { taskRequestSchema, type TaskRequest } from '../../core/task.js';
import { withLedger, type Opened } from '../with-ledger.js';
import { findTask, runsOf } from './one.js';
import { requestTask } from './request.js';
import type { Scope } from './scope.js';

/** What the task was asked for last, else what its newest run was. */
const lastRequest = async (opened: Opened, scope: Scope): Promise<TaskRequest> => {
  for await (const event of opened.bus.read({ ...scope, types: ['TASK_REQUESTED'], tail: 1 })) {
    const request = taskRequestSchema.safeParse(event.data);
    if (event.authentic && request.success) return request.data;
  }
  const [run] = await runsOf(opened, scope);
  if (!run) throw new ConductorError('not_found', `nothing of ${scope.task_id} ran yet`);
  const { agent, cwd, timeout_ms } = run;
  return { prompt: await readFile(run.prompt_path, 'utf8'), agent, cwd, timeout_ms };
};

/** Goes on in the same task, in the session of its newest run where its agent can. Prints the task's id. */
export const resumeTask = (
  options: { root: string; config?: string; prompt?: string; agent?: string },
  scope: Scope,
): Promise<void> =>
  withLedger(options, async (opened) => {
    const task = await findTask(opened, scope);
    if (task.status === 'running' || task.status === 'pending')
      throw new ConductorError('conflict', `${scope.task_id} is ${task.status}: stop it first`);
    const { previous_run_id: _previous, resume_session: _session, ...request } = await lastRequest(opened, scope);
    // One that is only missing here may be found by the service.
    const known = opened.agents.list().find(({ name }) => name === request.agent);
    const agent = options.agent === undefined ? (known ?? { name: request.agent }) : opened.agents.find(options.agent);
    const told = options.prompt;
    const [last] = await runsOf(opened, scope);
    await requestTask(opened, scope, {
      ...request,
      agent: agent.name,
      ...(last ? resumptionOf(last, agent, { asked: request.prompt, told }) : { prompt: told ?? request.prompt }),
    });
    process.stdout.write(`${scope.task_id}\n`);
  });
