import { z } from 'zod';
import type { ApiOptions } from '../doors.js';
import { endpoint, type Endpoint } from '../endpoint.js';
import { runRow } from '../lists/rows.js';

const agentShape = z.strictObject({
  name: z.string(),
  backend: z.string(),
  program: z.string().optional(),
  /** It can run here. */
  found: z.boolean(),
});

const agentsOf = ({ agents }: ApiOptions) =>
  agents.list().map(({ name, backend, program }) => ({
    name,
    backend,
    ...(program === undefined ? {} : { program }),
    found: backend === 'shell' || program !== undefined,
  }));

export const statusRoutes = (options: ApiOptions): Endpoint[] => [
  endpoint({
    method: 'get',
    path: '/api/v1/status',
    summary: 'What runs, and whether anything new starts.',
    scopes: ['read', 'run'],
    answer: z.strictObject({
      status: z.enum(['running', 'paused', 'draining']),
      paused: z.boolean(),
      version: z.string(),
      uptime_seconds: z.int(),
      activations: z.record(z.string(), z.int()),
      runs: z.array(runRow),
      tasks: z.int(),
      approvals: z.int(),
      rules: z.strictObject({ count: z.int(), hash: z.string() }),
      handlers: z.int(),
      agents: z.array(agentShape),
      webhooks: z.array(z.string()),
      watchers: z.int(),
    }),
    handle: () => {
      const { ledger, rules, handlers, webhooks, hub, clock, startedAt, version, lists } = options;
      const activations: Record<string, number> = { open: 0, completed: 0, failed: 0, cancelled: 0 };
      for (const { status } of ledger.view.activations.values()) activations[status] = (activations[status] ?? 0) + 1;
      return {
        status: options.isDraining()
          ? ('draining' as const)
          : ledger.view.paused
            ? ('paused' as const)
            : ('running' as const),
        paused: ledger.view.paused,
        version,
        uptime_seconds: Math.max(0, Math.floor((clock.now() - startedAt) / 1_000)),
        activations,
        runs: lists.runs.of('status running'),
        tasks: lists.tasks.size,
        approvals: lists.approvals.of('status waiting').length,
        rules: { count: rules.current.rules.length, hash: rules.current.hash },
        handlers: handlers.list().length,
        agents: agentsOf(options),
        webhooks: [...webhooks.names()],
        watchers: hub.size,
      };
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/agents',
    summary: 'The agents known here, and which of them can run.',
    scopes: ['read', 'run'],
    answer: z.strictObject({ agents: z.array(agentShape) }),
    handle: () => ({ agents: agentsOf(options) }),
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/sources',
    summary: 'Where events come from.',
    scopes: ['read'],
    answer: z.strictObject({ sources: z.array(z.strictObject({ name: z.string(), description: z.string() })) }),
    handle: () => ({ sources: options.sources().map(({ name, description }) => ({ name, description })) }),
  }),
];
