import { bodyHmac, type BodyHmac } from './body-hmac.js';
import type { Verifier } from './verifier.js';

/** A sender of one's own: `X-Signature-256: sha256=<hex>`, unless the configuration says how it signs. */
export const generic = (signature?: Omit<BodyHmac, 'headers'> & { header: string }): Verifier =>
  signature === undefined
    ? bodyHmac({ headers: ['x-signature-256', 'x-hub-signature-256'], prefix: 'sha256=' })
    : bodyHmac({ ...signature, headers: [signature.header.toLowerCase()] });
