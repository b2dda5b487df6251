import { z } from 'zod';
import type { ApiOptions } from '../doors.js';
import { endpoint, type Endpoint } from '../endpoint.js';
import { receiptShape } from './shapes.js';

export const webhookRoutes = ({ webhooks, metrics }: ApiOptions): Endpoint[] => [
  endpoint({
    method: 'get',
    path: '/api/v1/webhooks',
    summary: 'The names of the webhooks.',
    scopes: ['read'],
    answer: z.strictObject({ webhooks: z.array(z.string()) }),
    handle: () => ({ webhooks: [...webhooks.names()] }),
  }),
  endpoint({
    method: 'post',
    path: '/api/v1/webhooks/:name',
    also: ['/webhooks/:name'],
    summary: 'Takes a signed delivery; answers when its message is durable.',
    // The signature over the raw bytes is the credential.
    scopes: 'anyone',
    params: z.strictObject({ name: z.string().max(200) }),
    query: z.looseObject({}),
    status: 202,
    answer: z.union([receiptShape, z.strictObject({ ignored: z.string() }), z.strictObject({ challenge: z.string() })]),
    errors: ['unauthorized', 'not_found', 'too_large', 'unsupported_media_type', 'unavailable', 'storage'],
    handle: async ({ params, ctx }) => {
      const answer = await webhooks.receive(params.name, ctx.req.headers, ctx.state['rawBody'] as Buffer);
      if ('ignored' in answer) metrics.ignored(params.name);
      // A challenge is only taken as answered with a 200.
      if ('challenge' in answer) ctx.state['status'] = 200;
      return answer;
    },
  }),
];
