import Router from '@koa/router';
import { z } from 'zod';
import { ConductorError } from '../core/errors.js';
import { mayUse, type Caller } from './access/caller.js';
import type { Gate, Visitor } from './access/gate.js';
import { checked } from './checked.js';
import type { Endpoint } from './endpoint.js';
import { jsonOf } from './request.js';
import { respond } from './respond.js';

const NOTHING = z.strictObject({});
/** Who asks for what anyone may know. */
const ANYONE: Caller = { name: 'anyone', scope: 'read' };

const readJson: NonNullable<Endpoint['read']> = (headers, rawBody) => jsonOf(headers['content-type'] ?? '', rawBody);

const callerFor = (one: Endpoint, visitor: Visitor, gate: Gate): Caller => {
  const { caller } = visitor;
  if (one.scopes === 'anyone') return caller ?? ANYONE;
  if (caller === undefined) throw gate.unknown(visitor);
  if (!mayUse(caller, one.scopes)) {
    throw new ConductorError('forbidden', `this takes the scope ${one.scopes.join(' or ')}`, {
      details: { scopes: one.scopes, yours: caller.scope },
    });
  }
  return caller;
};

/** Each endpoint as a route: rights, then shapes, then the work. */
export const mount = (endpoints: readonly Endpoint[], gate: Gate): Router => {
  const router = new Router();
  for (const one of endpoints) {
    router[one.method]([one.path, ...(one.also ?? [])], async (ctx) => {
      const caller = callerFor(one, ctx.state['visitor'] as Visitor, gate);
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
