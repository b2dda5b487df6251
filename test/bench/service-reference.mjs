// The bare equivalent of POST /api/v1/messages: koa, a router, the body as JSON, a 202; nothing is kept.
import Router from '@koa/router';
import Koa from 'koa';

/** Without a library of its own, which would only cost more. */
const textOf = (request) =>
  new Promise((resolve, reject) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    request.on('error', reject);
  });

const app = new Koa();
const router = new Router();
router.post('/api/v1/messages', async (ctx) => {
  const { type } = JSON.parse(await textOf(ctx.req));
  ctx.status = 202;
  ctx.body = { msg_id: type, duplicate: false };
});
app.use(router.routes());
const server = app.listen(0, '127.0.0.1', () => process.send?.({ port: server.address().port }));
