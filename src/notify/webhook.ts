import type { Delivery, Notification } from '../core/ports.js';
import type { Action } from './action.js';

/** What Slack shows of a text, in characters. */
const SLACK_MOST = 3_000;

/** In its markup three characters are not themselves. */
const forSlack = (text: string): string =>
  text.slice(0, SLACK_MOST).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const bodyOf = (form: 'json' | 'slack', { action, message, key, data }: Notification): unknown =>
  form === 'slack' ? { text: forSlack(message) } : { action, message, key, ...data };

/** The URL is a secret more often than not: only its host is ever told. */
export const post = async (
  { url, form, headers, timeout_ms }: Extract<Action, { kind: 'webhook' }>,
  notification: Notification,
  signal: AbortSignal,
): Promise<Delivery> => {
  const { host } = new URL(url);
  const timeout = AbortSignal.timeout(timeout_ms);
  try {
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'error',
      headers: { 'content-type': 'application/json', ...headers, 'idempotency-key': notification.key },
      body: JSON.stringify(bodyOf(form, notification)),
      signal: AbortSignal.any([signal, timeout]),
    });
    await response.arrayBuffer();
    if (response.ok) return { ok: true, said: `${host} answered ${response.status}` };
    const isLater = response.status === 408 || response.status === 429 || response.status >= 500;
    return { ok: false, final: !isLater, error: `${host} answered ${response.status}` };
  } catch (error) {
    if (timeout.aborted)
      return { ok: false, final: false, error: `${host} did not answer within ${timeout_ms / 1_000} s` };
    const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
    return { ok: false, final: false, error: `${host} was not reached${code === undefined ? '' : `: ${code}`}` };
  }
};
