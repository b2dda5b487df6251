import { ConductorError } from '../core/errors.js';
import type { WebhookOptions } from '../core/webhook.js';
import { createEndpoint, readingOf, type Endpoint, type Reading } from './deliveries.js';
import { payloadOf } from './payload.js';
import { providerOf } from './providers/providers.js';
import { verifyWithAny, type Signed, type Verdict } from './verifiers/verifier.js';

export interface WebhookConfig extends Partial<Omit<WebhookOptions, 'secret_file'>> {
  /** Resolved by the caller; never written anywhere. Two while one is exchanged for the other. */
  secrets: readonly string[];
}

export interface OpenEndpoint {
  endpoint: Endpoint;
  config: WebhookConfig;
}

/** Throws `configuration`. */
export const openEndpoint = (name: string, config: WebhookConfig): OpenEndpoint => {
  const wrong = (why: string): ConductorError => new ConductorError('configuration', `webhooks.${name}: ${why}`);
  const provider = providerOf(name, config);
  // An empty key verifies whatever anybody signs with an empty key.
  if (config.secrets.length === 0 || config.secrets.includes('')) throw wrong('the secret is empty');
  const fault = config.secrets.map((secret) => provider.verifier.faultOf?.(secret)).find((one) => one !== undefined);
  if (fault !== undefined) throw wrong(fault);
  return { endpoint: createEndpoint(name, provider, config), config };
};

const REFUSED = {
  missing: 'the signature is missing',
  wrong: 'the signature is wrong',
  stale: 'it was signed more than five minutes ago or for the future: is the clock right?',
} as const;

export const refusalOf = (verdict: Exclude<Verdict, 'good'>): ConductorError =>
  new ConductorError('unauthorized', REFUSED[verdict]);

/** What a delivery says, or what is answered to it at once. Throws what it is refused for. `now` in milliseconds since the epoch. */
export const readDelivery = (
  { endpoint, config }: OpenEndpoint,
  { headers, rawBody }: Signed,
  now: number,
): Reading | { challenge: string } | { ignored: string } => {
  const { provider } = endpoint;
  // The signature comes first: nothing of an unsigned body is looked at.
  const verdict = verifyWithAny(provider.verifier, { headers, rawBody }, config.secrets, now);
  if (verdict !== 'good') throw refusalOf(verdict);
  const delivery = { headers, rawBody, payload: payloadOf(headers, rawBody) };
  const challenge = provider.challengeOf?.(delivery.payload);
  if (challenge !== undefined) return { challenge };
  const reading = readingOf(endpoint, delivery);
  if (reading.drafts.length > 0) return reading;
  const event = provider.eventOf(delivery).slice(0, 100);
  return { ignored: `nothing here answers to this ${event === '' ? 'delivery' : `"${event}" delivery`}` };
};
