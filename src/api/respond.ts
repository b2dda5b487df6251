import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Context } from 'koa';

/** Below this, packing costs more than it saves. */
const WORTH_PACKING = 4 * 1024;
const pack = promisify(gzip);

/** Answers with JSON: written out once, tagged by what it holds, packed where that helps. */
export const respond = async (ctx: Context, status: number, value: unknown): Promise<void> => {
  const text = JSON.stringify(value);
  ctx.status = status;
  ctx.type = 'json';
  if (ctx.method === 'GET' || ctx.method === 'HEAD') {
    ctx.set('ETag', `W/"${createHash('sha1').update(text).digest('base64url')}"`);
    // Kept by the client and asked about each time: a private answer for a credential.
    ctx.set('Cache-Control', 'private, no-cache');
    if (ctx.fresh) {
      ctx.status = 304;
      return;
    }
  }
  if (text.length < WORTH_PACKING) {
    ctx.body = text;
    return;
  }
  ctx.vary('Accept-Encoding');
  if (ctx.acceptsEncodings('gzip', 'identity') !== 'gzip') {
    ctx.body = text;
    return;
  }
  ctx.set('Content-Encoding', 'gzip');
  ctx.body = await pack(text);
};
