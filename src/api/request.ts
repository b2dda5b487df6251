import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Middleware } from 'koa';
import { ConductorError } from '../core/errors.js';

const MIB = 1024 * 1024;
/** Of all bodies that are on their way: who has shown no signature yet shall not fill the memory. */
const MOST_HELD = 256 * MIB;
/** A body that is no larger comes through whatever the others hold. */
const SMALL = 64 * 1024;
let held = 0;
/** A body in more pieces is copied together as it comes: a piece weighs more than the byte that may be in it. */
const MOST_PIECES = 8;

/** Providers send up to 25 MiB, and never a second time. */
const mostFor = (path: string): number => (/^(\/api\/v1)?\/webhooks\//.test(path) ? 25 : 1);

/** The caller's id where it is one, else ours: on every answer, errors included. */
export const requestIdOf = ({ headers }: IncomingMessage): string => {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:-]{1,100}$/.test(given) ? given : randomUUID();
};

export const requestId: Middleware = async (ctx, next) => {
  const id = requestIdOf(ctx.req);
  ctx.state['requestId'] = id;
  ctx.set('X-Request-ID', id);
  await next();
};

/** The bytes as they came, bounded before anyone looks at them. Rejects when the sender goes before the end. */
export const readBody = (request: IncomingMessage, path: string): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const { 'content-encoding': encoding = '', 'content-length': length = '0' } = request.headers;
    if (encoding !== '' && encoding !== 'identity')
      throw new ConductorError('unsupported_media_type', `the content encoding "${encoding}" is not taken`);
    const most = mostFor(path);
    const refuse = (code: 'too_large' | 'unavailable', why: string): void => {
      // Read on and forget: a sender that is cut off in the middle never sees the answer.
      request.resume();
      reject(new ConductorError(code, why));
    };
    const tooLarge = (): void => refuse('too_large', `the body is over ${most} MiB`);
    if (Number(length) > most * MIB) {
      tooLarge();
      return;
    }
    const chunks: Buffer[] = [];
    /** What came first, once it is more than some pieces, and room for the rest. */
    let gathered: Buffer | undefined;
    let bytes = 0;
    const gather = (chunk: Buffer): void => {
      const before = bytes - chunk.length;
      if (gathered === undefined || bytes > gathered.length) {
        const said = Number(length);
        // Whatever length was said: who sends little is given little.
        const room = said > 0 && bytes > MIB ? said : Math.min(bytes * 2, said || most * MIB);
        const larger = Buffer.allocUnsafeSlow(room);
        if (gathered === undefined) Buffer.concat(chunks).copy(larger);
        else gathered.copy(larger);
        gathered = larger;
        chunks.length = 0;
      }
      chunk.copy(gathered, before);
    };
    const letGo = (): void => {
      held -= bytes;
      bytes = 0;
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      held += chunk.length;
      const isTooLarge = bytes > most * MIB;
      if (!isTooLarge && (bytes <= SMALL || held <= MOST_HELD)) {
        if (gathered === undefined && chunks.length < MOST_PIECES) chunks.push(chunk);
        else gather(chunk);
        return;
      }
      request.off('data', onData);
      chunks.length = 0;
      gathered = undefined;
      letGo();
      if (isTooLarge) tooLarge();
      else refuse('unavailable', 'too many large bodies at once');
    };
    // Listeners stay: taking each off again costs more than the request, which is soon forgotten, holds.
    request.on('data', onData);
    request.on('end', () =>
      resolve(chunks.length === 1 ? chunks[0]! : (gathered?.subarray(0, bytes) ?? Buffer.concat(chunks))),
    );
    // Also after an error.
    request.on('close', () => {
      letGo();
      if (!request.complete) reject(new ConductorError('bad_request', 'the body did not arrive whole'));
    });
  });

/** For every method. */
export const body: Middleware = async (ctx, next) => {
  ctx.state['rawBody'] = await readBody(ctx.req, ctx.path);
  await next();
};

const utf8 = new TextDecoder('utf-8', { fatal: true });

const isNestedWithin = (value: unknown, levels: number): boolean =>
  typeof value !== 'object' ||
  value === null ||
  (levels > 0 && Object.values(value).every((inner) => isNestedWithin(inner, levels - 1)));

/** The body as JSON. Only said to be JSON it is taken: a form of a foreign page cannot say so. */
export const jsonOf = (contentType: string, rawBody: Buffer): unknown => {
  if (!/^application\/([\w.-]+\+)?json\s*(;|$)/i.test(contentType)) {
    throw new ConductorError('unsupported_media_type', 'the Content-Type must be application/json');
  }
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(rawBody));
  } catch (cause) {
    throw new ConductorError('bad_request', `the body is no valid JSON: ${(cause as Error).message}`, { cause });
  }
  // Whoever writes it out again would run out of stack.
  if (!isNestedWithin(value, 100)) throw new ConductorError('bad_request', 'the body is nested too deeply');
  return value;
};
