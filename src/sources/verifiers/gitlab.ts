import { isSameText } from './hmac.js';
import { standardWebhooks } from './standard-webhooks.js';
import { headerOf, type Verifier } from './verifier.js';

const isSigningToken = (secret: string): boolean => secret.startsWith('whsec_');

/**
 * A signing token (`whsec_…`) signs as Standard Webhooks do. A secret token of the older kind only stands in
 * `X-Gitlab-Token`: it says who sends, nothing about the body. Which one counts follows from the secret, never from what
 * was sent, so that leaving the signature away is no way in.
 */
export const gitlab: Verifier = {
  verify(delivery, secret, now) {
    if (isSigningToken(secret)) return standardWebhooks.verify(delivery, secret, now);
    const token = headerOf(delivery.headers, 'x-gitlab-token');
    if (token === undefined) return 'missing';
    return isSameText(token, secret) ? 'good' : 'wrong';
  },
  sign: (rawBody, secret, given) =>
    isSigningToken(secret) ? standardWebhooks.sign(rawBody, secret, given) : { 'x-gitlab-token': secret },
  faultOf: (secret) => (isSigningToken(secret) ? standardWebhooks.faultOf?.(secret) : undefined),
};
