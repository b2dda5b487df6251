import { hmac, isDigest, secondsOf } from './hmac.js';
import { headerOf, TOLERANCE_MS, type Verifier } from './verifier.js';

const VERSION = 'v0';

/** `X-Slack-Signature: v0=<hex>` over `v0:<X-Slack-Request-Timestamp>:<body>`. */
export const slack: Verifier = {
  verify({ headers, rawBody }, secret, now) {
    const signature = headerOf(headers, 'x-slack-signature');
    const timestamp = headerOf(headers, 'x-slack-request-timestamp');
    if (signature === undefined || timestamp === undefined) return 'missing';
    const seconds = secondsOf(timestamp);
    if (seconds === undefined || !signature.startsWith(`${VERSION}=`)) return 'wrong';
    const expected = hmac('sha256', secret, `${VERSION}:${timestamp}:`, rawBody);
    if (!isDigest(signature.slice(VERSION.length + 1), 'hex', 'sha256', expected)) return 'wrong';
    return Math.abs(now - seconds * 1_000) <= TOLERANCE_MS ? 'good' : 'stale';
  },
  sign(rawBody, secret, { now }) {
    const timestamp = String(Math.floor(now / 1_000));
    const digest = hmac('sha256', secret, `${VERSION}:${timestamp}:`, rawBody).toString('hex');
    return { 'x-slack-request-timestamp': timestamp, 'x-slack-signature': `${VERSION}=${digest}` };
  },
};
