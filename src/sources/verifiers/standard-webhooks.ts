import { hmac, isDigest, secondsOf } from './hmac.js';
import { headerOf, TOLERANCE_MS, type Verifier } from './verifier.js';

const PREFIX = 'whsec_';
/** So many signatures are looked at: each costs a comparison. */
const MOST_SIGNATURES = 20;

const keyOf = (secret: string): Buffer =>
  Buffer.from(secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret, 'base64');

/**
 * `webhook-id`, `webhook-timestamp`, and in `webhook-signature` one or more `v1,<base64>` over `id.timestamp.body`.
 * The secret is `whsec_` and the key's bytes in base64. Svix sends the same as `svix-…`.
 */
export const standardWebhooks: Verifier = {
  verify({ headers, rawBody }, secret, now) {
    const field = (name: string): string | undefined =>
      headerOf(headers, `webhook-${name}`) ?? headerOf(headers, `svix-${name}`);
    const [id, timestamp, signatures] = [field('id'), field('timestamp'), field('signature')];
    if (id === undefined || timestamp === undefined || signatures === undefined) return 'missing';
    const seconds = secondsOf(timestamp);
    if (seconds === undefined) return 'wrong';
    const expected = hmac('sha256', keyOf(secret), `${id}.${timestamp}.`, rawBody);
    const fits = signatures
      .split(' ', MOST_SIGNATURES)
      .some((one) => one.startsWith('v1,') && isDigest(one.slice(3), 'base64', 'sha256', expected));
    if (!fits) return 'wrong';
    return Math.abs(now - seconds * 1_000) <= TOLERANCE_MS ? 'good' : 'stale';
  },
  sign(rawBody, secret, { now, id }) {
    const timestamp = String(Math.floor(now / 1_000));
    const digest = hmac('sha256', keyOf(secret), `${id}.${timestamp}.`, rawBody).toString('base64');
    return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${digest}` };
  },
  faultOf(secret) {
    const bare = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret;
    const key = keyOf(secret);
    if (key.toString('base64').replace(/=+$/, '') !== bare.replace(/=+$/, ''))
      return `the secret must be ${PREFIX} and the key's bytes in base64`;
    return key.length < 16 ? 'the secret is shorter than 16 bytes' : undefined;
  },
};
