import type { IncomingHttpHeaders } from 'node:http';

/** What a signature is checked against: the bytes as they came, and the headers, with names in lower case. */
export interface Signed {
  headers: IncomingHttpHeaders;
  rawBody: Buffer;
}

/** `stale`: it was signed with the secret, but for a time that is too far from now. */
export type Verdict = 'good' | 'missing' | 'wrong' | 'stale';

/** How one provider proves that a delivery is its own. */
export interface Verifier {
  /** Throws nothing: whatever arrives, the answer is a verdict. `now` in milliseconds since the epoch. */
  verify(delivery: Signed, secret: string, now: number): Verdict;
  /** The headers that the provider would send with this body. */
  sign(rawBody: Buffer, secret: string, given: { now: number; id: string }): Record<string, string>;
  /** What is wrong with this secret as such; undefined when nothing is. */
  faultOf?(secret: string): string | undefined;
}

/** How far the signed time may be from ours, either way. */
export const TOLERANCE_MS = 5 * 60_000;

/** A header's value; two headers of one name arrive joined by commas. */
export const headerOf = (headers: IncomingHttpHeaders, name: string): string | undefined => {
  const value = headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
};

/** The later, the nearer to good. */
const BETTER: readonly Verdict[] = ['missing', 'wrong', 'stale', 'good'];

/** Any of the secrets in force: while one is exchanged for another both hold. */
export const verifyWithAny = (
  verifier: Verifier,
  delivery: Signed,
  secrets: readonly string[],
  now: number,
): Verdict => {
  let best: Verdict = 'missing';
  // All of them are tried, so that the time it takes does not tell which one fits.
  for (const secret of secrets) {
    const verdict = verifier.verify(delivery, secret, now);
    if (BETTER.indexOf(verdict) > BETTER.indexOf(best)) best = verdict;
  }
  return best;
};
