import type { NotifyStep } from '../../core/handler.js';
import type { Call } from '../context.js';
import { keyOf, stepOf } from '../effect-key.js';
import { completed, failure, forTemplate, type Outcome } from '../scope.js';
import { render } from '../template.js';

/** NOTIFICATION on the bus, once; then the action of the configuration, where there is one, at least once with one key. */
export const runNotify = async ({ context, step, path, frame }: Call<NotifyStep>): Promise<Outcome> => {
  await context.gate(frame.stop);
  const nonce = context.ports.nonce();
  const put = (template: string): string => render(template, forTemplate(frame.variables), nonce);
  const action = put(step.action);
  const message = put(step.message);
  const { notifier, log } = context.ports;
  const [receipt] = await context.journal.commit({
    ...context.fact('NOTIFICATION', { action, message }, message),
    source: `handler:${frame.handler.name}`,
    dedupe_key: `notify:${context.id}/${stepOf(path)}`,
  });
  const { msg_id } = receipt!;
  if (!notifier.knows(action)) {
    // The word that stands in where nobody named one is for rules and watchers alone.
    if (action !== 'notify') log.warn(`notify: no action "${action}" is configured; it is on the bus only`);
    return completed(msg_id, { delivered: false });
  }
  const abort = new AbortController();
  const leave = frame.stop.on(() => abort.abort());
  const { project_id, task_id, rule } = context.activation;
  const { type, msg_id: event } = context.event;
  const data = { msg_id, project_id, task_id, rule, handler: frame.handler.name, event: { type, msg_id: event } };
  const delivery = await notifier
    .deliver({ action, message, key: keyOf(context.id, path), data }, abort.signal)
    .finally(leave);
  frame.stop.check();
  return delivery.ok
    ? completed(msg_id, { delivered: true, said: delivery.said })
    : { ...failure(delivery.final ? 2 : 1, `${action}: ${delivery.error}`), output: msg_id };
};
