import { z } from 'zod';
import { ConductorError } from '../../core/errors.js';
import { draftSchema, idSchema } from '../../core/event.js';
import type { Handler } from '../../core/handler.js';
import { asMermaid, asText } from '../../core/handler-graph.js';
import type { HandlerRequested } from '../../core/ledger-view.js';
import type { ApiOptions } from '../doors.js';
import { endpoint, type Endpoint } from '../endpoint.js';

const handlerRow = {
  name: z.string(),
  description: z.string().optional(),
  hash: z.string(),
  file: z.string(),
};

const oneHandler = z.strictObject({ name: z.string().max(200) });

export const handlerRoutes = ({ handlers, ledger, lists, ids, folder }: ApiOptions): Endpoint[] => {
  const find = (name: string): Handler => {
    const handler = handlers.list().find((one) => one.name === name);
    if (!handler) throw new ConductorError('not_found', `there is no handler "${name}"`);
    return handler;
  };
  return [
    endpoint({
      method: 'get',
      path: '/api/v1/handlers',
      summary: 'The handlers.',
      scopes: ['read'],
      answer: z.strictObject({ handlers: z.array(z.strictObject({ ...handlerRow, steps: z.int() })) }),
      handle: () => ({
        handlers: handlers.list().map(({ name, description, hash, file, steps }) => ({
          name,
          ...(description === undefined ? {} : { description }),
          hash,
          file,
          steps: steps.length,
        })),
      }),
    }),
    endpoint({
      method: 'get',
      path: '/api/v1/handlers/:name',
      summary: 'One handler with its tree of steps.',
      scopes: ['read'],
      params: oneHandler,
      answer: z.strictObject({ ...handlerRow, steps: z.array(z.looseObject({})) }),
      errors: ['not_found'],
      handle: ({ params }) => {
        const { name, description, hash, file, steps } = find(params.name);
        return {
          name,
          ...(description === undefined ? {} : { description }),
          hash,
          file,
          steps: steps.map((step) => ({ ...step })),
        };
      },
    }),
    endpoint({
      method: 'get',
      path: '/api/v1/handlers/:name/graph',
      summary: 'Its steps with the patterns taken apart, as indented text or a Mermaid flowchart.',
      scopes: ['read'],
      params: oneHandler,
      query: z.strictObject({ as: z.enum(['text', 'mermaid']).default('text') }),
      media: 'text/plain; charset=utf-8',
      errors: ['not_found'],
      handle: ({ params, query }) => (query.as === 'mermaid' ? asMermaid : asText)(find(params.name)),
    }),
    endpoint({
      method: 'post',
      path: '/api/v1/handlers/:name/run',
      summary: 'Runs it for an event that no rule hears of; answers when that is durable.',
      scopes: ['write'],
      params: oneHandler,
      body: z.strictObject({
        event: z
          .strictObject({
            type: draftSchema.shape.type.default('MANUAL'),
            data: z.record(z.string(), z.unknown()).default({}),
            body: z.string().default(''),
          })
          .prefault({}),
        /** Its parameters. */
        with: z.record(z.string(), z.unknown()).optional(),
        project_id: idSchema.default('default'),
        task_id: idSchema.optional(),
        /** Absolute; default: where the service was started. */
        cwd: z.string().startsWith('/').max(4_096).optional(),
      }),
      status: 202,
      answer: z.strictObject({ activation: z.string(), project_id: z.string(), task_id: z.string() }),
      errors: ['not_found', 'too_large', 'unsupported_media_type', 'storage'],
      handle: async ({ params, body, caller }) => {
        const { name } = find(params.name);
        const { project_id, task_id = ids.taskId(name), cwd = folder, event } = body;
        const request: HandlerRequested = {
          handler: name,
          cwd,
          event,
          ...(body.with === undefined ? {} : { with: body.with }),
        };
        const [receipt] = await ledger.record([
          {
            type: 'HANDLER_REQUESTED',
            source: `api:${caller.name}`,
            project_id,
            task_id,
            data: { ...request },
            body: `${name} is asked for by ${caller.name}`,
          },
        ]);
        if (receipt === undefined) throw new ConductorError('internal', 'the bus gave no receipt');
        await lists.until(receipt.msg_id);
        return { activation: `handler/${receipt.msg_id}`, project_id, task_id };
      },
    }),
  ];
};
