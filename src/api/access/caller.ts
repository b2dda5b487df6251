import type { RunScope } from '../../core/ports.js';

/** `admin` includes `write`, `write` includes `read`. `run` is what a run's own ticket may, and includes nothing. */
export const SCOPES = ['read', 'write', 'admin', 'run'] as const;
export type Scope = (typeof SCOPES)[number];

/** Who asks, as far as the credential tells. */
export interface Caller {
  /** For the audit and the limits: `token`, `token:read`, `page`, `run:<run_id>`. */
  name: string;
  scope: Scope;
  /** Set for a ticket. */
  run?: RunScope;
}

const INCLUDES: Readonly<Record<Scope, readonly Scope[]>> = {
  read: ['read'],
  write: ['read', 'write'],
  admin: ['read', 'write', 'admin'],
  run: ['run'],
};

/** True when one of the wanted scopes is among the caller's. */
export const mayUse = (caller: Caller, wanted: readonly Scope[]): boolean =>
  wanted.some((scope) => INCLUDES[caller.scope].includes(scope));
