import type Router from '@koa/router';
import type { ApiOptions } from '../doors.js';

export const handlerRoutes = (router: Router, { handlers }: ApiOptions): void => {
  router.get('/api/v1/handlers', (ctx) => {
    ctx.body = {
      handlers: handlers
        .list()
        .map(({ name, description, hash, file, steps }) => ({ name, description, hash, file, steps: steps.length })),
    };
  });
};
