import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * True when the header is `sha256=<64 hex digits>` and fits the raw bytes. Bytes of one fixed length are compared, so the
 * time it takes says nothing about the secret. Two headers of the same name arrive joined and so never fit.
 */
export const isSigned = (secret: string, rawBody: Buffer, header: string | undefined): boolean => {
  const given = /^sha256=([0-9a-f]{64})$/i.exec(header ?? '')?.[1];
  if (given === undefined) return false;
  return timingSafeEqual(createHmac('sha256', secret).update(rawBody).digest(), Buffer.from(given, 'hex'));
};
