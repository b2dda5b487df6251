import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Scope } from './caller.js';

type Lent = Exclude<Scope, 'run'>;
const FORM = /^ct_(read|write|admin)_([0-9a-z]{1,11})_([\w-]{43})$/;

const macOf = (rootToken: string, scope: string, ends: string): Buffer =>
  createHmac('sha256', rootToken).update(`${scope}\n${ends}`).digest();

/** A token with fewer rights and an end (ms since the epoch), made from the root's: replacing that one ends them all. */
export const deriveToken = (rootToken: string, scope: Lent, endsAt: number): string => {
  const ends = Math.floor(endsAt).toString(36);
  return `ct_${scope}_${ends}_${macOf(rootToken, scope, ends).toString('base64url')}`;
};

export const scopeOfDerived = (rootToken: string, token: string, now: number): Lent | undefined => {
  const [, scope, ends, mac] = FORM.exec(token) ?? [];
  if (scope === undefined || ends === undefined || mac === undefined) return undefined;
  const given = Buffer.from(mac, 'base64url');
  const wanted = macOf(rootToken, scope, ends);
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return undefined;
  return now < Number.parseInt(ends, 36) ? (scope as Lent) : undefined;
};
