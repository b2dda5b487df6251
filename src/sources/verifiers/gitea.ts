import { bodyHmac } from './body-hmac.js';

/** `X-Gitea-Signature: <hex>`; Forgejo and Gogs send the same under names of their own. */
export const gitea = bodyHmac({ headers: ['x-gitea-signature', 'x-forgejo-signature', 'x-gogs-signature'] });
