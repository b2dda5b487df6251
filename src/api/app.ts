import Router from '@koa/router';
import Koa from 'koa';
import type { ApiOptions } from './doors.js';
import { errors } from './errors.js';
import { body, guarded, requestId } from './request.js';
import { handlerRoutes } from './routes/handlers.js';
import { healthRoutes } from './routes/health.js';
import { messageRoutes } from './routes/messages.js';
import { ruleRoutes } from './routes/rules.js';
import { statusRoutes } from './routes/status.js';
import { versionRoutes } from './routes/version.js';
import { webhookRoutes } from './routes/webhooks.js';

export type { ApiOptions } from './doors.js';

/** The HTTP side, without a socket: `listen` gives it one. */
export const createApi = (options: ApiOptions): Koa => {
  const app = new Koa();
  // Errors have been answered when they get here; what is left is a connection that broke while we wrote.
  app.on('error', (error: Error) => options.log.warn('an answer could not be sent', { reason: error.message }));

  const router = new Router();
  healthRoutes(router, options);
  versionRoutes(router, options);
  messageRoutes(router, options);
  statusRoutes(router, options);
  ruleRoutes(router, options);
  handlerRoutes(router, options);
  webhookRoutes(router, options);

  app.use(requestId);
  app.use(errors(options.log));
  app.use(guarded(options.allowedHosts));
  app.use(body);
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
};
