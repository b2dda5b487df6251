import { z } from 'zod';
import type { ApiOptions } from '../doors.js';
import { endpoint, type Endpoint } from '../endpoint.js';

export const versionRoutes = ({ version }: ApiOptions): Endpoint[] => [
  endpoint({
    method: 'get',
    path: '/api/v1/version',
    summary: 'The version that runs.',
    scopes: ['read', 'run'],
    answer: z.strictObject({ version: z.string() }),
    handle: () => ({ version }),
  }),
];
