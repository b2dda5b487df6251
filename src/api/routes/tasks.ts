import { z } from 'zod';
import { ConductorError } from '../../core/errors.js';
import { idSchema } from '../../core/event.js';
import { isId } from '../../core/id.js';
import { stopFacts } from '../../core/task.js';
import type { ApiOptions } from '../doors.js';
import { endpoint, type Endpoint } from '../endpoint.js';
import { groupsOf, taskKey } from '../lists/shelves.js';
import { runRow, taskRow } from '../lists/rows.js';
import { requestTask } from '../run-control.js';
import { pageOf, pageQuery, scopeQuery } from './shapes.js';

const oneTask = z.strictObject({ project_id: idSchema, task_id: idSchema });

const taskName = z.string().refine((name) => {
  const parts = name.split('/');
  return parts.length === 2 && parts.every(isId);
}, 'this is no PROJECT/TASK');

export const taskRoutes = (options: ApiOptions): Endpoint[] => {
  const { lists, ledger, runs, agents, ids } = options;
  const find = (scope: z.infer<typeof oneTask>) => {
    const task = lists.tasks.get(taskKey(scope));
    if (!task) throw new ConductorError('not_found', `there is no task ${scope.task_id} in ${scope.project_id}`);
    return task;
  };

  return [
    endpoint({
      method: 'get',
      path: '/api/v1/tasks',
      summary: 'The tasks, newest first.',
      scopes: ['read', 'run'],
      query: z.strictObject({
        ...pageQuery,
        project_id: scopeQuery.project_id,
        status: z.enum(['pending', 'running', 'completed', 'failed', 'stopped']).optional(),
      }),
      answer: pageOf('tasks', taskRow),
      handle: ({ query: { cursor, limit, project_id, status } }) => {
        const { rows, next } = lists.tasks.page({
          limit,
          ...(cursor === undefined ? {} : { before: cursor }),
          groups: groupsOf({ status }, project_id),
        });
        return { tasks: rows, ...(next === undefined ? {} : { next }) };
      },
    }),
    endpoint({
      method: 'post',
      path: '/api/v1/tasks',
      summary: 'Asks for one run in a task; answers when that is durable.',
      scopes: ['write'],
      body: z.strictObject({
        prompt: z.string().min(1),
        project_id: idSchema.default('default'),
        task_id: idSchema.optional(),
        agent: z.string().max(200).optional(),
        /** Absolute; default: where the service was started. */
        cwd: z.string().startsWith('/').max(4_096).optional(),
        timeout_seconds: z.number().positive().max(86_400).default(300),
        /** It starts when these have completed, each `project/task`; it fails when one failed. */
        depends_on: z.array(taskName).max(100).optional(),
      }),
      status: 202,
      answer: z.strictObject({ project_id: z.string(), task_id: z.string(), agent: z.string(), msg_id: z.string() }),
      errors: ['unknown_agent', 'too_large', 'unsupported_media_type', 'storage'],
      handle: async ({ body: { prompt, project_id, task_id = ids.taskId('task'), cwd, ...body }, caller }) => {
        const agent = body.agent === undefined ? agents.choose().name : agents.find(body.agent).name;
        const request = {
          prompt,
          agent,
          cwd: cwd ?? options.folder,
          timeout_ms: body.timeout_seconds * 1_000,
          ...(body.depends_on === undefined ? {} : { depends_on: body.depends_on }),
        };
        const source = `api:${caller.name}`;
        const msg_id = await requestTask(options, { project_id, task_id }, request, { source });
        return { project_id, task_id, agent, msg_id };
      },
    }),
    endpoint({
      method: 'get',
      path: '/api/v1/tasks/:project_id/:task_id',
      summary: 'One task with its newest runs.',
      scopes: ['read', 'run'],
      params: oneTask,
      answer: z.strictObject({ task: taskRow, runs: z.array(runRow) }),
      errors: ['not_found'],
      handle: ({ params }) => ({
        task: find(params),
        runs: lists.runs.page({ groups: [taskKey(params)], limit: 500 }).rows,
      }),
    }),
    endpoint({
      method: 'post',
      path: '/api/v1/tasks/:project_id/:task_id/stop',
      summary: 'Nothing of the task begins any more, and what runs is ended.',
      scopes: ['write'],
      params: oneTask,
      query: z.strictObject({ reason: z.string().min(1).max(500).optional() }),
      status: 202,
      answer: z.strictObject({ task_id: z.string(), stopping: z.int() }),
      errors: ['not_found'],
      handle: async ({ params, query, caller }) => {
        find(params);
        const reason = query.reason ?? `by ${caller.name}`;
        await ledger.record(stopFacts(ledger.view, params, { source: `api:${caller.name}`, reason }));
        const running = lists.runs.of(taskKey(params)).filter(({ status }) => status === 'running');
        for (const run of running) {
          const info = await runs.find(run);
          if (info) {
            options.runner
              .stop(info, reason)
              .catch((error: unknown) =>
                options.log.error('a run could not be stopped', { run_id: run.run_id, reason: String(error) }),
              );
          }
        }
        return { task_id: params.task_id, stopping: running.length };
      },
    }),
    endpoint({
      method: 'delete',
      path: '/api/v1/tasks/:project_id/:task_id',
      summary: 'Removes the folder of a task with all its runs.',
      scopes: ['admin'],
      params: oneTask,
      answer: z.strictObject({ task_id: z.string(), deleted: z.literal(true) }),
      errors: ['not_found', 'conflict'],
      handle: async ({ params, caller }) => {
        const task = find(params);
        if (task.status === 'running' || task.status === 'pending')
          throw new ConductorError('conflict', `${params.task_id} is ${task.status}: stop it first`);
        if (task.running > 0) throw new ConductorError('conflict', `runs of ${params.task_id} have not ended yet`);
        const [receipt] = await ledger.record([
          { ...params, type: 'TASK_DELETED', source: `api:${caller.name}`, body: 'the runs were deleted' },
        ]);
        await runs.remove(params);
        if (receipt) await lists.until(receipt.msg_id);
        return { task_id: params.task_id, deleted: true as const };
      },
    }),
  ];
};
