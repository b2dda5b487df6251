import type Router from '@koa/router';
import type { ApiOptions } from '../doors.js';

export const webhookRoutes = (router: Router, { webhooks }: ApiOptions): void => {
  router.get('/api/v1/webhooks', (ctx) => {
    ctx.body = { webhooks: webhooks.names() };
  });

  router.post(['/webhooks/:name', '/api/v1/webhooks/:name'], async (ctx) => {
    const answer = await webhooks.receive(ctx.params['name'] ?? '', ctx.req.headers, ctx.state['rawBody'] as Buffer);
    // A challenge is only taken as answered with a 200.
    ctx.status = 'challenge' in answer ? 200 : 202;
    ctx.body = answer;
  });
};
