import { textAt } from '../json.js';
import { standardWebhooks as verifier } from '../verifiers/standard-webhooks.js';
import { headerOf } from '../verifiers/verifier.js';
import type { Provider } from './provider.js';

/** Any sender that follows Standard Webhooks: `{type, timestamp, data}`; `user.created` is USER_CREATED. */
export const standardWebhooks: Provider = {
  verifier,
  eventOf: ({ payload }) => textAt(payload, 'type') ?? '',
  deliveryOf: ({ headers }) => headerOf(headers, 'webhook-id') ?? headerOf(headers, 'svix-id'),
  rows: [],
  actor: ['data.actor', 'actor'],
  saysOurTypes: true,
};
