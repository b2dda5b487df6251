import { z } from 'zod';
import type { ApiOptions } from '../doors.js';
import { endpoint, type Endpoint } from '../endpoint.js';
import { groupsOf, taskKey } from '../lists/shelves.js';
import { runRow } from '../lists/rows.js';
import { deleteRun, findRun, readRun, resumeRun, retryRun, stopRun } from '../run-control.js';
import { RUN_FILES, readStretch } from '../run-files.js';
import { pageOf, pageQuery, runId, scopeQuery, words } from './shapes.js';

const oneRun = z.strictObject({ run_id: runId });
const stretchQuery = z.strictObject({
  /** Bytes from the start. */
  offset: z.coerce.number().int().min(0).optional(),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(4 * 1024 * 1024)
    .optional(),
  /** Lines from the end. */
  tail: z.coerce.number().int().min(1).max(100_000).optional(),
});
const given = <T extends Record<string, unknown>>(value: T) =>
  Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };

export const runRoutes = (options: ApiOptions): Endpoint[] => [
  endpoint({
    method: 'get',
    path: '/api/v1/runs',
    summary: 'The runs, newest first.',
    scopes: ['read', 'run'],
    query: z.strictObject({
      ...pageQuery,
      ...scopeQuery,
      status: z.enum(['running', 'completed', 'failed']).optional(),
      agent: words.optional(),
      activation: z.string().max(400).optional(),
      parent_run_id: runId.optional(),
    }),
    answer: pageOf('runs', runRow),
    handle: ({ query: { cursor, limit, project_id, task_id, status, agent, activation, parent_run_id } }) => {
      const scope = project_id && task_id ? taskKey({ project_id, task_id }) : project_id;
      const only = agent?.length === 1 ? agent[0] : undefined;
      const { rows, next } = options.lists.runs.page({
        limit,
        ...given({ before: cursor }),
        groups: groupsOf({ status, agent: only, activation, parent_run_id }, scope),
        where: (run) =>
          (task_id === undefined || run.task_id === task_id) && (agent === undefined || agent.includes(run.agent)),
      });
      return { runs: rows, ...given({ next }) };
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/runs/:run_id',
    summary: 'One run, with everything its run-info.yaml says.',
    scopes: ['read', 'run'],
    params: oneRun,
    answer: z.strictObject({ run: runRow, info: z.looseObject({ run_id: z.string() }) }),
    errors: ['not_found'],
    handle: async ({ params }) => ({
      run: findRun(options, params.run_id),
      info: { ...(await readRun(options, params.run_id)) },
    }),
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/runs/:run_id/files',
    summary: 'The files of a run, with their sizes.',
    scopes: ['read', 'run'],
    params: oneRun,
    answer: z.strictObject({ files: z.array(z.strictObject({ name: z.string(), size: z.int() })) }),
    errors: ['not_found'],
    handle: async ({ params }) => {
      const folder = options.runs.folder(findRun(options, params.run_id));
      const files = [];
      for (const name of RUN_FILES) {
        const stretch = await readStretch(folder, name, { limit: 1 }).catch(() => undefined);
        if (stretch) files.push({ name, size: stretch.size });
      }
      return { files };
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/runs/:run_id/files/:name',
    summary: 'A file of a run, or a part of it.',
    scopes: ['read', 'run'],
    params: z.strictObject({ run_id: runId, name: z.enum(RUN_FILES) }),
    query: stretchQuery,
    media: 'text/plain; charset=utf-8',
    errors: ['not_found'],
    handle: async ({ params, query, ctx }) => {
      const folder = options.runs.folder(findRun(options, params.run_id));
      const { text, size, next } = await readStretch(folder, params.name, given(query));
      ctx.set({ 'X-File-Size': String(size), 'X-Next-Offset': String(next) });
      return text;
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/runs/:run_id/logs',
    summary: 'What the agent wrote on standard output or standard error.',
    scopes: ['read', 'run'],
    params: oneRun,
    query: stretchQuery.extend({ stream: z.enum(['stdout', 'stderr']).default('stdout') }),
    answer: z.strictObject({
      run_id: z.string(),
      stream: z.string(),
      text: z.string(),
      size: z.int(),
      offset: z.int(),
      next: z.int(),
    }),
    errors: ['not_found'],
    handle: async ({ params: { run_id }, query: { stream, ...stretch } }) => {
      const folder = options.runs.folder(findRun(options, run_id));
      return { run_id, stream, ...(await readStretch(folder, `agent-${stream}.txt`, given(stretch))) };
    },
  }),
  endpoint({
    method: 'post',
    path: '/api/v1/runs/:run_id/stop',
    summary: 'Begins to end the run with all its processes.',
    scopes: ['write'],
    params: oneRun,
    status: 202,
    answer: z.strictObject({ run_id: z.string(), status: z.literal('stopping') }),
    errors: ['not_found', 'conflict'],
    handle: async ({ params: { run_id }, caller }) => {
      await stopRun(options, run_id, caller);
      return { run_id, status: 'stopping' as const };
    },
  }),
  endpoint({
    method: 'post',
    path: '/api/v1/runs/:run_id/retry',
    summary: 'Asks for the same run once more, in the same task.',
    scopes: ['write'],
    params: oneRun,
    status: 202,
    answer: z.strictObject({ project_id: z.string(), task_id: z.string(), msg_id: z.string() }),
    errors: ['not_found', 'conflict'],
    handle: ({ params, caller }) => retryRun(options, params.run_id, caller),
  }),
  endpoint({
    method: 'post',
    path: '/api/v1/runs/:run_id/resume',
    summary:
      "Goes on with a run that has ended: in its agent's session where it can, in its task and folder, with other words where they are given.",
    scopes: ['write'],
    params: oneRun,
    body: z.strictObject({ prompt: z.string().min(1).optional(), agent: z.string().max(200).optional() }),
    status: 202,
    answer: z.strictObject({ project_id: z.string(), task_id: z.string(), msg_id: z.string() }),
    errors: ['not_found', 'conflict', 'unknown_agent'],
    handle: ({ params, body, caller }) => resumeRun(options, params.run_id, caller, body),
  }),
  endpoint({
    method: 'delete',
    path: '/api/v1/runs/:run_id',
    summary: 'Removes the folder of a run that has ended.',
    scopes: ['admin'],
    params: oneRun,
    answer: z.strictObject({ run_id: z.string(), deleted: z.literal(true) }),
    errors: ['not_found', 'conflict'],
    handle: async ({ params: { run_id }, caller }) => {
      await deleteRun(options, run_id, caller);
      return { run_id, deleted: true as const };
    },
  }),
];
