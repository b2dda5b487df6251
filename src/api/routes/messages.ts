import type Router from '@koa/router';
import { z } from 'zod';
import { ConductorError } from '../../core/errors.js';
import { draftSchema, type Event } from '../../core/event.js';
import { isReserved, normaliseType } from '../../core/event-type.js';
import type { BusQuery } from '../../core/ports.js';
import { checked } from '../checked.js';
import type { ApiOptions } from '../doors.js';
import { jsonOf } from '../request.js';

const querySchema = z.strictObject({
  /** After this message, from the oldest on; without it, the newest. */
  since_id: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  /** One or more, also as a list with commas. */
  type: z
    .union([z.string(), z.array(z.string())])
    .transform((types) =>
      [types]
        .flat()
        .flatMap((type) => type.split(','))
        .map(normaliseType),
    )
    .optional(),
  project_id: z.string().optional(),
  task_id: z.string().optional(),
  run_id: z.string().optional(),
});

export const messageRoutes = (router: Router, { bus }: ApiOptions): void => {
  router.post('/api/v1/messages', async (ctx) => {
    const draft = checked(draftSchema, jsonOf(ctx.get('content-type'), ctx.state['rawBody'] as Buffer));
    if (isReserved(draft.type)) {
      throw new ConductorError('reserved_type', `${draft.type} is said by the conductor alone`, {
        details: { field: 'type' },
      });
    }
    const [receipt] = await bus.append([{ ...draft, source: draft.source ?? 'api' }]);
    ctx.status = 202;
    ctx.body = { msg_id: receipt?.msg_id, duplicate: receipt?.duplicate ?? false };
  });

  router.get('/api/v1/messages', async (ctx) => {
    const { since_id, limit, type, ...scope } = checked(querySchema, { ...ctx.query });
    // One more than asked for tells whether there are more.
    const query = {
      ...scope,
      ...(type === undefined ? {} : { types: type }),
      ...(since_id === undefined ? { tail: limit } : { since_id }),
    } as BusQuery;
    const messages: Event[] = [];
    let more = false;
    for await (const event of bus.read(query)) {
      more = messages.length === limit;
      if (more) break;
      messages.push(event);
    }
    ctx.body = { messages, more };
  });
};
