import type { Event } from '../core/event.js';
import type { Handler } from '../core/handler.js';
import type { Activation } from '../core/ledger-view.js';
import type { Agents, Handlers } from '../core/ports.js';
import { TASK_HANDLER } from '../core/task.js';
import { taskHandler } from './task-handler.js';

/** The tree that the activation was begun with. A function cannot be kept: a changed file of them parks it. */
export const treeOf = (
  { handlers, agents }: { handlers: Handlers; agents: Agents },
  activation: Activation,
  cause: Event,
): { handler: Handler } | { missing: string; park: boolean } => {
  if (activation.handler === TASK_HANDLER) return { handler: taskHandler(cause, agents) };
  const now = handlers.find(activation.handler);
  if (activation.hash === undefined)
    return now ? { handler: now } : { missing: `there is no handler "${activation.handler}"`, park: false };
  const kept = now?.hash === activation.hash ? now : handlers.byHash(activation.hash);
  if (kept) return { handler: kept };
  const how = now ? `was changed (it was ${activation.hash}, and is ${now.hash})` : 'is gone';
  return {
    missing: `the handler "${activation.handler}" ${how} since it began; go on with it as it is: conductor handlers resume ${activation.task_id}`,
    park: true,
  };
};
