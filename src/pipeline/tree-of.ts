import { callsOf } from '../core/activation-facts.js';
import type { Event } from '../core/event.js';
import type { Handler } from '../core/handler.js';
import type { Activation } from '../core/ledger-view.js';
import type { Agents, Handlers } from '../core/ports.js';
import { TASK_HANDLER } from '../core/task.js';
import { taskHandler } from './task-handler.js';

/** How a handler of another hash is none that an activation can go on with. */
const lost = (handlers: Handlers, name: string, hash: string): string => {
  const now = handlers.find(name);
  return now ? `was changed (it was ${hash}, and is ${now.hash})` : 'is gone';
};

/** The tree that the activation was begun with. A function cannot be kept: a changed file of them parks it, of a handler that it calls too. */
export const treeOf = (
  { handlers, agents }: { handlers: Handlers; agents: Agents },
  activation: Activation,
  cause: Event,
): { handler: Handler } | { missing: string; park: boolean } => {
  const { handler: name, hash, task_id } = activation;
  if (name === TASK_HANDLER) return { handler: taskHandler(cause, agents) };
  const handler = hash === undefined ? handlers.find(name) : handlers.byHash(hash);
  const goOn = `go on with it as it is: conductor handlers resume ${task_id}`;
  if (!handler)
    return hash === undefined
      ? { missing: `there is no handler "${name}"`, park: false }
      : { missing: `the handler "${name}" ${lost(handlers, name, hash)} since it began; ${goOn}`, park: true };
  const [call] = callsOf(activation, (one) => handlers.byHash(one) !== undefined);
  if (!call) return { handler };
  const called = call.handler ?? '';
  return {
    missing: `the handler "${called}", which the step ${call.step} calls, ${lost(handlers, called, call.hash ?? '')} since it was called; ${goOn}`,
    park: true,
  };
};
