// The bare equivalent of POST /api/v1/messages: koa, a router, the body as JSON, a 202; nothing is kept.
import Router from '@koa/router';
import Koa from 'koa';
import getRawBody from 'raw-body';

const app = new Koa();
const router = new Router();
router.post('/api/v1/messages', async (ctx) => {
  const { type } = JSON.parse((await getRawBody(ctx.req, { limit: '1mb' })).toString('utf8'));
  ctx.status = 202;
  ctx.body = { msg_id: type, duplicate: false };
});
app.use(router.routes());
const server = app.listen(0, '127.0.0.1', () => process.send?.({ port: server.address().port }));
