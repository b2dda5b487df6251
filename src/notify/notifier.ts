import type { Delivery, Notification, Notifier } from '../core/ports.js';
import type { Action } from './action.js';
import { runCommand } from './command.js';
import { post } from './webhook.js';

export interface NotifierOptions {
  actions: Readonly<Record<string, Action>>;
  /** Takes secrets out of what goes out, and of what is said of it. */
  redact: (text: string) => string;
}

/** Knows the actions of the configuration by name. One try a call: who calls tries again, with the same key. */
export const createNotifier = ({ actions, redact }: NotifierOptions): Notifier => ({
  knows: (name) => Object.hasOwn(actions, name),
  async deliver(notification: Notification, signal: AbortSignal): Promise<Delivery> {
    const action = Object.hasOwn(actions, notification.action) ? actions[notification.action] : undefined;
    if (!action) return { ok: false, final: true, error: `there is no action "${notification.action}"` };
    const clean = { ...notification, message: redact(notification.message) };
    const delivery =
      action.kind === 'command' ? await runCommand(action, clean, signal) : await post(action, clean, signal);
    return delivery.ok ? { ok: true, said: redact(delivery.said) } : { ...delivery, error: redact(delivery.error) };
  },
});
