import type { IncomingHttpHeaders } from 'node:http';
import { Observable, Subject } from 'rxjs';
import { ConductorError } from '../core/errors.js';
import { draftSchema, type Draft } from '../core/event.js';
import { isReserved } from '../core/event-type.js';
import type { Arrival, Receipt, Source } from '../core/ports.js';
import { readGithub, type Meaning } from './github.js';
import { compact, isNestedWithin, isObject, textAt, type Json } from './json.js';
import { isSigned } from './signature.js';

export interface WebhookConfig {
  /** Resolved by the caller; never written anywhere. */
  secret: string;
  provider?: 'github' | 'generic' | undefined;
}

export interface Webhooks extends Source {
  names(): readonly string[];
  /** Resolves when the delivery is durable; `[]` when nothing here answers to it. */
  receive(name: string, headers: IncomingHttpHeaders, rawBody: Buffer): Promise<Receipt[]>;
}

type Outcome = Parameters<NonNullable<Arrival['settle']>>[0];

/** Senders give up after ten seconds, and a sender that was told "not yet" tries again: better said than left hanging. */
const ANSWER_WITHIN_MS = 8_000;

const header = (headers: IncomingHttpHeaders, ...names: readonly string[]): string | undefined => {
  for (const name of names) {
    const value = headers[name];
    if (typeof value === 'string' && value !== '') return value;
  }
  return undefined;
};

const parse = (headers: IncomingHttpHeaders, rawBody: Buffer): Json => {
  if (headers['content-type']?.startsWith('application/x-www-form-urlencoded')) {
    throw new ConductorError(
      'unsupported_media_type',
      'choose the content type application/json where the webhook is set up',
    );
  }
  let payload: unknown;
  try {
    payload = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(rawBody));
  } catch (cause) {
    throw new ConductorError('bad_request', 'the body is no valid JSON', { cause });
  }
  if (!isObject(payload)) throw new ConductorError('bad_request', 'the body must be a JSON object');
  if (!isNestedWithin(payload, 100)) throw new ConductorError('bad_request', 'the body is nested too deeply');
  return payload;
};

/** A sender of one's own says the type itself: `{type, body?, data?}`. */
const readGeneric = (payload: Json): Meaning => {
  const type = draftSchema.shape.type.safeParse(payload['type']);
  if (!type.success)
    throw new ConductorError('bad_request', 'type: must be UPPER_SNAKE, as DEPLOY_REQUESTED', {
      details: { field: 'type' },
    });
  if (isReserved(type.data))
    throw new ConductorError('reserved_type', `${type.data} is said by the conductor alone`, {
      details: { field: 'type' },
    });
  const data = payload['data'];
  if (data !== undefined && !isObject(data))
    throw new ConductorError('bad_request', 'data: must be an object', { details: { field: 'data' } });
  return { type: type.data, body: textAt(payload, 'body', 64_000) ?? '', data: { ...data } };
};

const deliveryOf = (headers: IncomingHttpHeaders, provider: 'github' | 'generic'): string | undefined => {
  const delivery =
    provider === 'github'
      ? header(headers, 'x-github-delivery')
      : header(headers, 'x-delivery-id', 'webhook-id', 'idempotency-key');
  if (delivery !== undefined && delivery.length > 200)
    throw new ConductorError('bad_request', 'the delivery id is longer than 200 characters');
  if (delivery === undefined && provider === 'github')
    throw new ConductorError('bad_request', 'the header X-GitHub-Delivery is missing');
  return delivery;
};

const readDelivery = (
  name: string,
  provider: 'github' | 'generic',
  headers: IncomingHttpHeaders,
  rawBody: Buffer,
): Draft | undefined => {
  const delivery = deliveryOf(headers, provider);
  const payload = parse(headers, rawBody);
  const meaning =
    provider === 'github' ? readGithub(header(headers, 'x-github-event') ?? '', payload) : readGeneric(payload);
  if (meaning === undefined) return undefined;
  return compact({
    ...meaning,
    source: `webhook:${name}`,
    actor: textAt(payload, 'sender.login', 200) ?? textAt(payload, 'actor', 200),
    // Without an id of the sender's own, two equal bodies are two events: nothing tells them apart from a repetition.
    dedupe_key: delivery === undefined ? undefined : `webhook:${name}:${delivery}`,
    depth: 0,
    trust: 'outside',
  }) as Draft;
};

/** Whatever kept the delivery from being durable, the sender shall try again: a 503. */
const asRetriable = (error: unknown): ConductorError =>
  error instanceof ConductorError && error.status === 503
    ? error
    : new ConductorError('storage', 'the delivery could not be stored', { cause: error });

export const createWebhooks = ({
  config,
}: {
  config: Readonly<Record<string, WebhookConfig>>;
  accept?: never;
}): Webhooks => {
  for (const [name, { secret }] of Object.entries(config)) {
    // An empty key verifies whatever anybody signs with an empty key.
    if (secret === '') throw new ConductorError('configuration', `webhooks.${name}: the secret is empty`);
  }
  const arrivals = new Subject<Arrival>();
  const waiting = new Set<(outcome: Outcome) => void>();

  const deliver = (draft: Draft): Promise<Receipt[]> =>
    new Promise((resolve, reject) => {
      if (!arrivals.observed) {
        reject(new ConductorError('unavailable', 'the conductor is not taking webhooks right now'));
        return;
      }
      const settle = (outcome: Outcome): void => {
        if (!waiting.delete(settle)) return;
        clearTimeout(timer);
        if ('receipts' in outcome) resolve([...outcome.receipts]);
        else reject(asRetriable(outcome.error));
      };
      const timer = setTimeout(
        () =>
          settle({
            error: new ConductorError(
              'unavailable',
              'the delivery was not durable in time; it is safe to send it again',
            ),
          }),
        ANSWER_WITHIN_MS,
      );
      waiting.add(settle);
      arrivals.next({ drafts: [draft], settle });
    });

  return {
    name: 'webhooks',
    description: `webhooks: ${Object.keys(config).join(', ') || 'none'}`,
    names: () => Object.keys(config),
    open: () =>
      new Observable<Arrival>((subscriber) => {
        const subscription = arrivals.subscribe(subscriber);
        return () => {
          subscription.unsubscribe();
          if (arrivals.observed) return;
          for (const settle of [...waiting])
            settle({ error: new ConductorError('unavailable', 'the conductor is stopping') });
        };
      }),
    async receive(name, headers, rawBody) {
      const entry = Object.hasOwn(config, name) ? config[name] : undefined;
      if (entry === undefined) throw new ConductorError('not_found', `there is no webhook "${name}"`);
      const signature =
        entry.provider === 'generic'
          ? header(headers, 'x-signature-256', 'x-hub-signature-256')
          : header(headers, 'x-hub-signature-256');
      // The signature comes first: nothing of an unsigned body is looked at.
      if (!isSigned(entry.secret, rawBody, signature))
        throw new ConductorError('unauthorized', 'the signature is missing or wrong');
      const draft = readDelivery(name, entry.provider ?? 'github', headers, rawBody);
      return draft === undefined ? [] : deliver(draft);
    },
  };
};
