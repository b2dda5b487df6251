import { execa } from 'execa';
import type { Delivery, Notification } from '../core/ports.js';
import type { Action } from './action.js';

/** Of the environment, what a mailer or a pager needs; nothing of ours. */
const ALLOWED = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'SSL_CERT_FILE', 'SSL_CERT_DIR'];
/** Its meaning by our own exit codes: it cannot be put right by trying again. */
const PERMANENT = [2, 3, 126, 127];
const SHOWN = 500;

/** The message on stdin, and what else there is in the environment: nothing of it becomes part of the command. */
export const runCommand = async (
  { command: [program = '', ...args], timeout_ms }: Extract<Action, { kind: 'command' }>,
  notification: Notification,
  signal: AbortSignal,
): Promise<Delivery> => {
  const { action, message, key, data } = notification;
  const allowed = Object.fromEntries(ALLOWED.map((name) => [name, process.env[name]]));
  const result = await execa(program, args, {
    input: `${message}\n`,
    env: { ...allowed, NOTIFY_ACTION: action, NOTIFY_KEY: key, NOTIFY_DATA: JSON.stringify(data) },
    extendEnv: false,
    timeout: timeout_ms,
    cancelSignal: signal,
    forceKillAfterDelay: 1_000,
    reject: false,
    stripFinalNewline: true,
    maxBuffer: 64 * 1024,
  });
  if (!result.failed) return { ok: true, said: result.stdout.slice(0, SHOWN) };
  if (result.timedOut)
    return { ok: false, final: false, error: `${program} did not end within ${timeout_ms / 1_000} s` };
  const why =
    result.exitCode === undefined ? (result.shortMessage ?? 'it failed') : `${program} ended with ${result.exitCode}`;
  const said = result.stderr.trim();
  return {
    ok: false,
    final: result.code === 'ENOENT' || result.code === 'EACCES' || PERMANENT.includes(result.exitCode ?? 1),
    error: said === '' ? why : `${why}: ${said.slice(-SHOWN)}`,
  };
};
