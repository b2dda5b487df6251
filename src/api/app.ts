import Koa from 'koa';
import type { ApiOptions } from './doors.js';
import { endpointsOf } from './endpoints.js';
import { audited, draining, entrance, nowhere } from './entrance.js';
import { errors } from './errors.js';
import { mount } from './mount.js';
import { body, requestId } from './request.js';
import { securityHeaders } from './security-headers.js';

export type { ApiOptions } from './doors.js';

/** The HTTP side, without a socket: `listen` gives it one. */
export const createApi = (options: ApiOptions): Koa => {
  const app = new Koa();
  // Errors have been answered when they get here; what is left is a connection that broke while we wrote.
  app.on('error', (error: Error) => options.log.warn('an answer could not be sent', { reason: error.message }));
  const router = mount(endpointsOf(options), options.gate);

  app.use(requestId);
  app.use(options.metrics.count);
  app.use(securityHeaders);
  app.use(audited(options.audit));
  app.use(errors(options.log));
  app.use(entrance(options.gate));
  app.use(draining(options.isDraining));
  app.use(body);
  app.use(router.routes());
  app.use(router.allowedMethods());
  app.use(nowhere(options.gate));
  return app;
};
