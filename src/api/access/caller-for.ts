import { ConductorError } from '../../core/errors.js';
import { mayUse, type Caller, type Scope } from './caller.js';
import type { Gate, Visitor } from './gate.js';

/** Who asks for what anyone may know. */
const ANYONE: Caller = { name: 'anyone', scope: 'read' };

/** The visitor as a caller with one of the scopes; else `unauthorized` or `forbidden`. */
export const callerFor = (scopes: readonly Scope[] | 'anyone', visitor: Visitor, gate: Gate): Caller => {
  const { caller } = visitor;
  if (scopes === 'anyone') return caller ?? ANYONE;
  if (caller === undefined) throw gate.unknown(visitor);
  if (!mayUse(caller, scopes)) {
    throw new ConductorError('forbidden', `this takes the scope ${scopes.join(' or ')}`, {
      details: { scopes, yours: caller.scope },
    });
  }
  return caller;
};
