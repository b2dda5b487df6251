import { z } from 'zod';
import { ConductorError } from '../../core/errors.js';
import type { ApiOptions } from '../doors.js';
import { endpoint, type Endpoint } from '../endpoint.js';

export const healthRoutes = ({ clock, startedAt, version, lists, hub, isDraining }: ApiOptions): Endpoint[] => [
  endpoint({
    method: 'get',
    path: '/api/v1/health',
    also: ['/health', '/healthz'],
    summary: 'The process answers.',
    scopes: 'anyone',
    answer: z.strictObject({ status: z.literal('ok'), version: z.string(), uptime_seconds: z.int() }),
    handle: () => ({
      status: 'ok' as const,
      version,
      uptime_seconds: Math.max(0, Math.floor((clock.now() - startedAt) / 1_000)),
    }),
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/ready',
    summary: 'The bus is read, and new work is taken.',
    scopes: 'anyone',
    answer: z.strictObject({ status: z.literal('ready'), watchers: z.int() }),
    errors: ['unavailable'],
    handle: () => {
      if (isDraining()) throw new ConductorError('unavailable', 'the conductor is stopping');
      if (!lists.isReady) throw new ConductorError('unavailable', 'the bus is still being read');
      return { status: 'ready' as const, watchers: hub.size };
    },
  }),
];
