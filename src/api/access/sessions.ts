import { createHash, randomBytes } from 'node:crypto';
import { ConductorError } from '../../core/errors.js';
import type { Clock } from '../../core/ports.js';
import type { Caller, Scope } from './caller.js';

const CODE_LIVES_MS = 60_000;
const SESSION_LIVES_MS = 12 * 60 * 60_000;
const MOST = 1_000;

export const COOKIE = 'conductor_session';

/** How the page gets in: a one-time code, asked for with a token, becomes a cookie that scripts cannot read. */
export interface Sessions {
  /** Good once, for a minute. */
  code(scope: Scope): string;
  /** The session's id for the cookie, and its life in seconds. */
  begin(code: string): { id: string; seconds: number };
  find(id: string): Caller | undefined;
  end(id: string): void;
}

interface Kept {
  scope: Scope;
  ends: number;
}

// Kept by hash: looking one up takes no time that depends on a secret.
const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');

export const createSessions = (clock: Pick<Clock, 'now'>): Sessions => {
  const codes = new Map<string, Kept>();
  const sessions = new Map<string, Kept>();

  const keep = (map: Map<string, Kept>, scope: Scope, lives: number): string => {
    for (const [key, { ends }] of map) if (ends <= clock.now() || map.size >= MOST) map.delete(key);
    const secret = randomBytes(32).toString('base64url');
    map.set(hashOf(secret), { scope, ends: clock.now() + lives });
    return secret;
  };
  const living = (map: Map<string, Kept>, secret: string): Kept | undefined => {
    const kept = map.get(hashOf(secret));
    return kept && kept.ends > clock.now() ? kept : undefined;
  };

  return {
    code: (scope) => keep(codes, scope, CODE_LIVES_MS),
    begin(code) {
      const kept = living(codes, code);
      codes.delete(hashOf(code));
      if (!kept) throw new ConductorError('unauthorized', 'the code is used up, too old or none: ask for a new one');
      return { id: keep(sessions, kept.scope, SESSION_LIVES_MS), seconds: SESSION_LIVES_MS / 1_000 };
    },
    find(id) {
      const kept = living(sessions, id);
      return kept && { name: 'page', scope: kept.scope };
    },
    end: (id) => void sessions.delete(hashOf(id)),
  };
};
