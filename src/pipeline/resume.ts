import type { Draft } from '../core/event.js';
import type { Activation } from '../core/ledger-view.js';
import { factOf } from './carry.js';

/** Lets a failed or parked activation go on, with the tree of this hash. */
export const resumeFact = (activation: Activation, hash: string, why: string): Draft =>
  factOf(
    activation,
    'HANDLER_RESUMED',
    { activation: activation.activation, handler: activation.handler, hash },
    `${activation.handler} goes on: ${why}`,
  );

/** Ends an open activation and everything below it. */
export const cancelFact = (activation: Activation, reason: string): Draft =>
  factOf(
    activation,
    'HANDLER_CANCEL',
    { activation: activation.activation, handler: activation.handler, reason },
    `${activation.handler} is cancelled: ${reason}`,
  );
