import type Router from '@koa/router';
import type { ApiOptions } from '../doors.js';

export const statusRoutes = (
  router: Router,
  { ledger, rules, handlers, agents, webhooks, hub, clock, startedAt, version }: ApiOptions,
): void => {
  router.get('/api/v1/status', (ctx) => {
    const { view } = ledger;
    const activations = { open: 0, completed: 0, failed: 0, cancelled: 0 };
    for (const { status } of view.activations.values()) activations[status]++;
    ctx.body = {
      status: view.paused ? 'paused' : 'running',
      paused: view.paused,
      version,
      uptime_seconds: Math.max(0, Math.floor((clock.now() - startedAt) / 1_000)),
      activations,
      runs: [...view.runs.values()],
      rules: { count: rules.current.rules.length, hash: rules.current.hash },
      handlers: handlers.list().length,
      agents: agents
        .list()
        .map(({ name, backend, program }) => ({ name, backend, found: backend === 'shell' || program !== undefined })),
      webhooks: webhooks.names(),
      watchers: hub.size,
    };
  });
};
