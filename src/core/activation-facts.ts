import type { Draft } from './event.js';
import type { Activation } from './ledger-view.js';

/** What the pipeline says about an activation. */
export const factOf = (
  { project_id, task_id, trust, depth, event, root }: Activation,
  type: string,
  data: Record<string, unknown>,
  body: string,
): Draft => ({
  type,
  source: 'pipeline',
  project_id,
  task_id,
  trust,
  depth,
  parents: [
    { msg_id: event, kind: 'caused_by' },
    { msg_id: root, kind: 'root' },
  ],
  data,
  body,
});

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
