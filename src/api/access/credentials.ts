import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { ConductorError } from '../../core/errors.js';
import type { Clock, Ledger, Tickets } from '../../core/ports.js';
import type { Caller } from './caller.js';
import { scopeOfDerived } from './derived-token.js';
import { COOKIE, type Sessions } from './sessions.js';

export interface CredentialsOptions {
  /** The root's own. */
  token: string;
  tickets: Tickets;
  sessions: Sessions;
  ledger: Pick<Ledger, 'view'>;
  clock: Pick<Clock, 'now'>;
}

/** Who sent these headers; undefined without a credential. A wrong one is `unauthorized`. */
export type Credentials = (headers: IncomingHttpHeaders) => Caller | undefined;

/** In a time that tells nothing but the length, which everybody knows. */
const isSame = (given: string, wanted: Buffer): boolean => {
  const bytes = Buffer.from(given);
  return bytes.length === wanted.length && timingSafeEqual(bytes, wanted);
};

export const cookieOf = (headers: IncomingHttpHeaders): string | undefined =>
  headers.cookie
    ?.split(';')
    .map((part) => part.trim())
    .find((part) => part.startsWith(`${COOKIE}=`))
    ?.slice(COOKIE.length + 1);

const bearerOf = (headers: IncomingHttpHeaders): string | undefined => {
  const key = headers['x-api-key'];
  if (typeof key === 'string') return key;
  if (headers.authorization === undefined) return undefined;
  const [, bearer] = /^Bearer +([\w.~+/=-]{1,600})$/i.exec(headers.authorization) ?? [];
  if (bearer === undefined) throw new ConductorError('unauthorized', 'the Authorization header is no "Bearer <token>"');
  return bearer;
};

export const createCredentials = (options: CredentialsOptions): Credentials => {
  const wanted = Buffer.from(options.token);

  const callerOf = (bearer: string): Caller | undefined => {
    if (isSame(bearer, wanted)) return { name: 'token', scope: 'admin' };
    const scope = scopeOfDerived(options.token, bearer, options.clock.now());
    if (scope) return { name: `token:${scope}`, scope };
    const run = options.tickets.check(bearer);
    if (run === undefined) return undefined;
    // A ticket is good while its run lives, whoever started the run.
    if (!options.ledger.view.runs.has(run.run_id))
      throw new ConductorError('unauthorized', `the run ${run.run_id} has ended, and its ticket with it`);
    return { name: `run:${run.run_id}`, scope: 'run', run };
  };

  return (headers) => {
    const bearer = bearerOf(headers);
    if (bearer !== undefined) {
      const caller = callerOf(bearer);
      if (caller === undefined) throw new ConductorError('unauthorized', 'the token is wrong');
      return caller;
    }
    const cookie = cookieOf(headers);
    // A cookie that has ended is as good as none: the page then shows how to get in again.
    return cookie === undefined ? undefined : options.sessions.find(cookie);
  };
};
