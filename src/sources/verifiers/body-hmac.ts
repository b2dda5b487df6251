import type { IncomingHttpHeaders } from 'node:http';
import { hmac, isDigest, type Algorithm, type Encoding } from './hmac.js';
import { headerOf, type Verifier } from './verifier.js';

export interface BodyHmac {
  /** The headers it may stand in, in lower case; the first that is there counts. Signing uses the first. */
  headers: readonly [string, ...string[]];
  algorithm?: Algorithm | undefined;
  encoding?: Encoding | undefined;
  /** What stands before the digest, as `sha256=`. */
  prefix?: string | undefined;
}

const firstOf = (given: IncomingHttpHeaders, names: readonly string[]): string | undefined => {
  for (const name of names) {
    const value = headerOf(given, name);
    if (value !== undefined) return value;
  }
  return undefined;
};

/** A keyed digest of the body alone, in one header. It carries no time, so only the delivery id tells a repetition. */
export const bodyHmac = ({ headers, algorithm = 'sha256', encoding = 'hex', prefix = '' }: BodyHmac): Verifier => ({
  verify({ headers: given, rawBody }, secret) {
    const text = firstOf(given, headers);
    if (text === undefined) return 'missing';
    if (!text.startsWith(prefix)) return 'wrong';
    const digest = text.slice(prefix.length);
    return isDigest(digest, encoding, algorithm, hmac(algorithm, secret, rawBody)) ? 'good' : 'wrong';
  },
  sign: (rawBody, secret) => ({ [headers[0]]: `${prefix}${hmac(algorithm, secret, rawBody).toString(encoding)}` }),
});
