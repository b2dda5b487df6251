import type { Handler } from '../core/handler.js';
import type { Activation } from '../core/ledger-view.js';
import type { Resting } from './rest.js';

/**
 * What an activation waits for, where that can be told without a walk: it stands at a wait among its handler's own
 * steps. So thousands that wait cost a start nothing.
 */
export const restingOf = (handler: Handler, activation: Activation): readonly Resting[] | undefined => {
  const at = handler.steps.findIndex((step, index) => !activation.steps.has(step.id ?? String(index)));
  const step = handler.steps[at];
  if (step?.kind !== 'wait' || step.retry || step.cache || step.for.kind === 'barrier') return undefined;
  const path = step.id ?? String(at);
  const started = activation.started.get(path);
  if (!started) return undefined;
  const types = step.for.kind === 'event' ? step.for.types : step.for.kind === 'approval' ? ['APPROVAL_DECIDED'] : [];
  return [{ path, types, until: started.until === undefined ? undefined : Date.parse(started.until) }];
};
