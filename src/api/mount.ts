import Router from '@koa/router';
import { z } from 'zod';
import { callerFor } from './access/caller-for.js';
import type { Gate, Visitor } from './access/gate.js';
import { checked } from './checked.js';
import type { Endpoint } from './endpoint.js';
import { jsonOf } from './request.js';
import { respond } from './respond.js';

const NOTHING = z.strictObject({});
/** No body at all is an empty one: where nothing has to be said, nothing need be sent. */
const readJson: NonNullable<Endpoint['read']> = ({ 'content-type': type }, rawBody) =>
  type === undefined && rawBody.length === 0 ? {} : jsonOf(type ?? '', rawBody);

/** Each endpoint as a route: rights, then shapes, then the work. */
export const mount = (endpoints: readonly Endpoint[], gate: Gate): Router => {
  const router = new Router();
  for (const one of endpoints) {
    router[one.method]([one.path, ...(one.also ?? [])], async (ctx) => {
      const caller = callerFor(one.scopes, ctx.state['visitor'] as Visitor, gate);
      const answer = await one.handle({
        caller,
        params: one.params ? checked(one.params, ctx.params) : {},
        query: checked(one.query ?? NOTHING, { ...ctx.query }),
        body: one.body
          ? checked(one.body, (one.read ?? readJson)(ctx.req.headers, ctx.state['rawBody'] as Buffer))
          : undefined,
        ctx,
      });
      if (one.media !== undefined) {
        if (answer === undefined) return;
        ctx.status = one.status ?? 200;
        ctx.type = (ctx.state['media'] as string | undefined) ?? one.media;
        ctx.body = answer;
        return;
      }
      await respond(ctx, (ctx.state['status'] as number | undefined) ?? one.status ?? 200, answer);
    });
  }
  return router;
};
