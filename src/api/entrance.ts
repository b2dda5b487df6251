import type { Middleware } from 'koa';
import { ConductorError } from '../core/errors.js';
import type { Audit } from './audit.js';
import type { Caller } from './access/caller.js';
import type { Gate, Visitor } from './access/gate.js';
import { isForAnyHost } from './guard.js';

/** A sender of webhooks has its signature and its own pace; probes ask often. */
const isUnlimited = (path: string): boolean =>
  isForAnyHost(path) || path === '/api/v1/ready' || /^(\/api\/v1)?\/webhooks\//.test(path);

/** Foreign pages are turned away before routing; then it is known who asks. */
export const entrance =
  (gate: Gate): Middleware =>
  async (ctx, next) => {
    gate.turnAway(ctx.req, { anyHost: isForAnyHost(ctx.path) });
    const visitor = gate.identify(ctx.req);
    ctx.state['visitor'] = visitor;
    if (!isUnlimited(ctx.path)) gate.slowDown(visitor);
    await next();
  };

/** Whoever is stopping takes nothing new; what is running may still speak. */
export const refuseWhileDraining = (isDraining: () => boolean, caller: Caller | undefined): void => {
  if (isDraining() && caller?.run === undefined)
    throw new ConductorError('unavailable', 'the conductor is stopping: come back in a few seconds');
};

/** What only reads goes on to the end. */
export const draining =
  (isDraining: () => boolean): Middleware =>
  async (ctx, next) => {
    const { caller } = ctx.state['visitor'] as Visitor;
    if (!['GET', 'HEAD'].includes(ctx.method)) refuseWhileDraining(isDraining, caller);
    await next();
  };

/** What is nowhere is told only to those who may know. */
export const nowhere =
  (gate: Gate): Middleware =>
  (ctx) => {
    const visitor = ctx.state['visitor'] as Visitor;
    if (visitor.caller === undefined) throw gate.unknown(visitor);
  };

/** Every request that changes something, and every refusal, is a line of the audit. */
export const audited =
  (audit: Audit): Middleware =>
  async (ctx, next) => {
    await next();
    const isChange = !['GET', 'HEAD', 'OPTIONS'].includes(ctx.method);
    if (!isChange && ![401, 403, 429].includes(ctx.status)) return;
    const visitor = ctx.state['visitor'] as Visitor | undefined;
    audit.write({
      request_id: String(ctx.state['requestId']),
      caller: visitor?.caller?.name ?? 'anyone',
      address: visitor?.address ?? ctx.req.socket.remoteAddress ?? 'local',
      method: ctx.method,
      path: ctx.path.slice(0, 500),
      status: ctx.status,
      ...(ctx.state['errorCode'] === undefined ? {} : { code: String(ctx.state['errorCode']) }),
      ...(ctx.state['decision'] === undefined ? {} : { decision: ctx.state['decision'] as Record<string, unknown> }),
    });
  };
