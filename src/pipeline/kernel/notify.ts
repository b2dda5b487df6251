import type { NotifyStep } from '../../core/handler.js';
import type { Call } from '../context.js';
import { completed, forTemplate, type Outcome } from '../scope.js';
import { render } from '../template.js';

/** Says NOTIFICATION on the bus, once; rules and watchers carry it to people. */
export const runNotify = async ({ context, step, path, frame }: Call<NotifyStep>): Promise<Outcome> => {
  await context.gate(frame.stop);
  const message = render(step.message, forTemplate(frame.variables), context.ports.nonce());
  const [receipt] = await context.journal.commit({
    ...context.fact('NOTIFICATION', { action: step.action, message }, message),
    source: `handler:${frame.handler.name}`,
    dedupe_key: `notify:${context.id}/${path}`,
  });
  return completed(receipt!.msg_id);
};
