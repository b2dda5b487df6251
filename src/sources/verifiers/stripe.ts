import { hmac, isDigest, secondsOf } from './hmac.js';
import { headerOf, TOLERANCE_MS, type Verifier } from './verifier.js';

const MOST_PARTS = 20;

/** `Stripe-Signature: t=<seconds>,v1=<hex>[,v1=<hex>]` over `t.body`; the secret counts as it is written, `whsec_` and all. */
export const stripe: Verifier = {
  verify({ headers, rawBody }, secret, now) {
    const header = headerOf(headers, 'stripe-signature');
    if (header === undefined) return 'missing';
    const parts = header.split(',', MOST_PARTS).map((part) => part.trim().split('='));
    const times = parts.filter(([key]) => key === 't').map(([, value]) => value ?? '');
    const seconds = times.length === 1 ? secondsOf(times[0] ?? '') : undefined;
    if (seconds === undefined) return 'wrong';
    const expected = hmac('sha256', secret, `${times[0]}.`, rawBody);
    const fits = parts.some(([key, value]) => key === 'v1' && isDigest(value ?? '', 'hex', 'sha256', expected));
    if (!fits) return 'wrong';
    return Math.abs(now - seconds * 1_000) <= TOLERANCE_MS ? 'good' : 'stale';
  },
  sign(rawBody, secret, { now }) {
    const seconds = Math.floor(now / 1_000);
    return { 'stripe-signature': `t=${seconds},v1=${hmac('sha256', secret, `${seconds}.`, rawBody).toString('hex')}` };
  },
};
