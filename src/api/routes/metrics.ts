import type { ApiOptions } from '../doors.js';
import { endpoint, type Endpoint } from '../endpoint.js';

export const metricsRoutes = ({ metrics }: ApiOptions): Endpoint[] => [
  endpoint({
    method: 'get',
    path: '/api/v1/metrics',
    also: ['/metrics'],
    summary: 'Metrics for Prometheus.',
    scopes: 'anyone',
    media: metrics.media,
    handle: () => metrics.text(),
  }),
];
