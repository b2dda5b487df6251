import type { Draft } from './event.js';
import type { Handlers } from './ports.js';
import type { Activation, HandlerStarted, StepStarted } from './ledger-view.js';

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

/** Steps that call a handler whose tree, by its hash, is not among those that are known. */
export const callsOf = (activation: Activation, isKnown: (hash: string) => boolean): StepStarted[] =>
  [...activation.started.values()].filter(({ kind, hash }) => kind === 'call' && hash !== undefined && !isKnown(hash));

/** With what it goes on: failed, the trees that it was begun with; parked, or with `latest`, those of now where they are gone, or all. */
export const resumeWith = (
  activation: Activation,
  { find, byHash }: Pick<Handlers, 'find' | 'byHash'>,
  latest: boolean,
): { hash: string | undefined; calls: StepStarted[] } => {
  const { hash, parked, handler } = activation;
  if (hash !== undefined && parked === undefined && !latest) return { hash, calls: [] };
  const isKept = (one: string): boolean => !latest && byHash(one) !== undefined;
  return {
    hash: hash !== undefined && isKept(hash) ? hash : find(handler)?.hash,
    calls: callsOf(activation, isKept),
  };
};

/** Lets a failed or parked activation go on, with the tree of this hash; `calls`: steps that call a handler, as that is now. */
export const resumeFact = (
  activation: Activation,
  hash: string,
  why: string,
  calls: readonly StepStarted[] = [],
): Draft => {
  const { activation: id, handler } = activation;
  const steps = calls.map(({ step }) => step);
  const data: HandlerStarted = { activation: id, handler, hash, ...(steps.length > 0 ? { calls: steps } : {}) };
  return factOf(activation, 'HANDLER_RESUMED', { ...data }, `${handler} goes on: ${why}`);
};

/** Ends an open activation and everything below it. */
export const cancelFact = (activation: Activation, reason: string): Draft =>
  factOf(
    activation,
    'HANDLER_CANCEL',
    { activation: activation.activation, handler: activation.handler, reason },
    `${activation.handler} is cancelled: ${reason}`,
  );
