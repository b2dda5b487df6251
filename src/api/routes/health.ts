import type Router from '@koa/router';
import type { ApiOptions } from '../doors.js';

export const healthRoutes = (router: Router, { clock, startedAt, version }: ApiOptions): void => {
  router.get(['/health', '/api/v1/health'], (ctx) => {
    ctx.body = { status: 'ok', version, uptime_seconds: Math.max(0, Math.floor((clock.now() - startedAt) / 1_000)) };
  });
};
