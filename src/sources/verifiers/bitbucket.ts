import { bodyHmac } from './body-hmac.js';

/** `X-Hub-Signature: sha256=<hex>`, in the cloud and in the data center. */
export const bitbucket = bodyHmac({ headers: ['x-hub-signature'], prefix: 'sha256=' });
