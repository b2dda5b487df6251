import type Router from '@koa/router';
import type { ApiOptions } from '../doors.js';

export const webhookRoutes = (router: Router, { webhooks }: ApiOptions): void => {
  router.get('/api/v1/webhooks', (ctx) => {
    ctx.body = { webhooks: webhooks.names() };
  });

  router.post(['/webhooks/:name', '/api/v1/webhooks/:name'], async (ctx) => {
    const [receipt] = await webhooks.receive(ctx.params['name'] ?? '', ctx.req.headers, ctx.state['rawBody'] as Buffer);
    ctx.status = 202;
    const event = ctx.get('x-github-event').slice(0, 100);
    // An answer that is no failure: whoever sent it shall not send it again.
    ctx.body = receipt
      ? { msg_id: receipt.msg_id, duplicate: receipt.duplicate }
      : { ignored: `nothing here answers to this ${event === '' ? 'delivery' : `"${event}" delivery`}` };
  });
};
