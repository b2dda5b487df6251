import { bodyHmac } from './body-hmac.js';

/** `X-Hub-Signature-256: sha256=<hex>`; the older SHA-1 header is not looked at. */
export const github = bodyHmac({ headers: ['x-hub-signature-256'], prefix: 'sha256=' });
