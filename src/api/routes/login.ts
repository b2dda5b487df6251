import { z } from 'zod';
import { COOKIE } from '../access/sessions.js';
import { cookieOf } from '../access/credentials.js';
import type { Visitor } from '../access/gate.js';
import type { ApiOptions } from '../doors.js';
import { endpoint, type Endpoint } from '../endpoint.js';

const cookie = (value: string, seconds: number, secure: boolean): string =>
  `${COOKIE}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}${secure ? '; Secure' : ''}`;

export const loginRoutes = ({ sessions }: ApiOptions): Endpoint[] => [
  endpoint({
    method: 'post',
    path: '/api/v1/login-codes',
    summary: 'A code that lets a page in, once, within a minute, with the rights of whoever asks.',
    scopes: ['read'],
    status: 201,
    answer: z.strictObject({ code: z.string(), path: z.string() }),
    handle: ({ caller }) => {
      const code = sessions.code(caller.scope);
      // Behind "#", where no server and no log sees it.
      return { code, path: `/#code=${code}` };
    },
  }),
  endpoint({
    method: 'post',
    path: '/api/v1/login',
    summary: 'Trades the code for a cookie that scripts cannot read.',
    scopes: 'anyone',
    body: z.strictObject({ code: z.string().max(200) }),
    answer: z.strictObject({ seconds: z.int() }),
    errors: ['unauthorized', 'unsupported_media_type'],
    handle: ({ body, ctx }) => {
      const { id, seconds } = sessions.begin(body.code);
      ctx.set('Set-Cookie', cookie(id, seconds, (ctx.state['visitor'] as Visitor).secure));
      return { seconds };
    },
  }),
  endpoint({
    method: 'post',
    path: '/api/v1/logout',
    summary: 'Ends the page’s session.',
    scopes: 'anyone',
    answer: z.strictObject({ ended: z.literal(true) }),
    handle: ({ ctx }) => {
      const id = cookieOf(ctx.req.headers);
      if (id !== undefined) sessions.end(id);
      ctx.set('Set-Cookie', cookie('', 0, (ctx.state['visitor'] as Visitor).secure));
      return { ended: true as const };
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/me',
    summary: 'Who the service takes the caller for.',
    scopes: ['read', 'run'],
    answer: z.strictObject({ name: z.string(), scope: z.enum(['read', 'write', 'admin', 'run']) }),
    handle: ({ caller: { name, scope } }) => ({ name, scope }),
  }),
];
