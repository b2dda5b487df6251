import { draftSchema } from '../core/event.js';
import { ConductorError } from '../core/errors.js';
import { mayUse, type Caller, type Scope } from './access/caller.js';
import type { Visitor } from './access/gate.js';
import { checked } from './checked.js';
import type { ApiOptions, Commands } from './doors.js';
import { postAs } from './routes/messages.js';
import { stopRun } from './run-control.js';

/** What may be asked for over a WebSocket: the same rights, limits and audit as over HTTP. */
export const commandsFor =
  (options: ApiOptions) =>
  (visitor: Visitor): Commands => {
    const allow = (scopes: readonly Scope[]): Caller => {
      const { caller } = visitor;
      if (!caller || !mayUse(caller, scopes))
        throw new ConductorError('forbidden', `this takes the scope ${scopes.join(' or ')}`);
      options.gate.slowDown(visitor);
      // A run's ticket ends with the run, a socket does not.
      if (caller.run && !options.ledger.view.runs.has(caller.run.run_id))
        throw new ConductorError('unauthorized', 'the run has ended');
      if (options.isDraining() && !caller.run) throw new ConductorError('unavailable', 'the conductor is stopping');
      return caller;
    };
    const note = (caller: Caller, path: string, status: number): void =>
      options.audit.write({
        request_id: 'socket',
        caller: caller.name,
        address: visitor.address,
        method: 'SOCKET',
        path,
        status,
      });

    return {
      async post(message) {
        const caller = allow(['write', 'run']);
        const receipt = await postAs(options, checked(draftSchema, message), caller);
        note(caller, 'post', 202);
        return receipt;
      },
      async cancel(run_id) {
        const caller = allow(['write']);
        await stopRun(options, run_id, caller);
        note(caller, `cancel ${run_id}`, 202);
      },
    };
  };
