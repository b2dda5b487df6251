import type Router from '@koa/router';
import type { ApiOptions } from '../doors.js';

export const versionRoutes = (router: Router, { version }: ApiOptions): void => {
  router.get('/api/v1/version', (ctx) => {
    ctx.body = { version };
  });
};
