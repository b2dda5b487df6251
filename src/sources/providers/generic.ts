import type { WebhookOptions } from '../../core/webhook.js';
import { textAt } from '../json.js';
import { generic as verifier } from '../verifiers/generic.js';
import { headerOf } from '../verifiers/verifier.js';
import type { Delivery, Provider } from './provider.js';

type Place = { header?: string | undefined; field?: string | undefined };

const read = ({ headers, payload }: Delivery, { header, field }: Place): string | undefined =>
  (header === undefined ? undefined : headerOf(headers, header)) ??
  (field === undefined ? undefined : textAt(payload, field, 200));

/** A sender of one's own: `{type, body?, data?}`, unless the configuration says where things stand. */
export const generic = ({
  signature,
  event = { field: 'type' },
  delivery,
}: Pick<WebhookOptions, 'signature' | 'event' | 'delivery'> = {}): Provider => ({
  verifier: verifier(signature),
  eventOf: (given) => read(given, event) ?? '',
  deliveryOf: (given) =>
    delivery === undefined
      ? ['x-delivery-id', 'webhook-id', 'idempotency-key'].map((name) => headerOf(given.headers, name)).find(Boolean)
      : read(given, delivery),
  headersOf: (named, id) => ({
    ...(event.header === undefined ? {} : { [event.header]: named }),
    ...(delivery?.field === undefined ? { [delivery?.header ?? 'x-delivery-id']: id } : {}),
  }),
  rows: [],
  actor: ['actor'],
  saysOurTypes: true,
});
