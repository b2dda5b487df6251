import type Router from '@koa/router';
import type { ApiOptions } from '../doors.js';

export const ruleRoutes = (router: Router, { rules }: ApiOptions): void => {
  router.get('/api/v1/rules', (ctx) => {
    const { hash, rules: list } = rules.current;
    ctx.body = { hash, rules: list };
  });
};
