import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export type Algorithm = 'sha1' | 'sha256' | 'sha512';
export type Encoding = 'hex' | 'base64';

const DIGEST_BYTES: Record<Algorithm, number> = { sha1: 20, sha256: 32, sha512: 64 };

export const hmac = (algorithm: Algorithm, key: string | Buffer, ...parts: readonly (string | Buffer)[]): Buffer => {
  const sum = createHmac(algorithm, key);
  for (const part of parts) sum.update(part);
  return sum.digest();
};

const bytesOf = (text: string, encoding: Encoding, length: number): Buffer | undefined => {
  const spelling = encoding === 'hex' ? /^[0-9a-f]+$/i : /^[A-Za-z0-9+/]+={0,2}$/;
  if (!spelling.test(text)) return undefined;
  const bytes = Buffer.from(text, encoding);
  // A decoder skips what it does not know: only the one spelling of these bytes is taken.
  const whole = encoding === 'hex' ? text.length === length * 2 : bytes.toString('base64') === text;
  return whole && bytes.length === length ? bytes : undefined;
};

/** True when the text is this digest. Bytes of one length are compared, so the time it takes says nothing of the secret. */
export const isDigest = (text: string, encoding: Encoding, algorithm: Algorithm, expected: Buffer): boolean => {
  const given = bytesOf(text, encoding, DIGEST_BYTES[algorithm]);
  return given !== undefined && timingSafeEqual(given, expected);
};

/** Equal texts of any lengths, told in a time that depends on neither. */
export const isSameText = (one: string, other: string): boolean =>
  timingSafeEqual(createHash('sha256').update(one).digest(), createHash('sha256').update(other).digest());

/** Whole seconds since the epoch, as providers write them. */
export const secondsOf = (text: string): number | undefined => (/^\d{1,12}$/.test(text) ? Number(text) : undefined);
