import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { CATALOGUE, ConductorError, type ErrorCode } from '../../core/errors.js';
import { isObject } from '../../sources/json.js';
import { providerOf } from '../../sources/providers/providers.js';
import { loadConfig, webhooksOf } from '../load-config.js';
import { clock } from '../system.js';
import { addressOf, serverOf, type Where } from './address.js';

const readPayload = async (file: string): Promise<Buffer> => {
  if (file === '-') return buffer(process.stdin);
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new ConductorError('usage', `cannot read ${file}: ${(cause as Error).message}`, { cause });
  }
};

/** What the service refused, as the error it named. */
const refusal = (status: number, answer: unknown): ConductorError => {
  const error = isObject(answer) ? answer['error'] : undefined;
  const { code, message } = isObject(error) ? error : { code: undefined, message: undefined };
  const known = typeof code === 'string' && Object.hasOwn(CATALOGUE, code) ? (code as ErrorCode) : 'unavailable';
  return new ConductorError(
    known,
    `the service answered ${status}${typeof message === 'string' ? `: ${message}` : ''}`,
  );
};

/** Prints the msg_id of what was told, or why nothing was. */
export const sendWebhook = async (
  name: string,
  file: string,
  options: Where & { event?: string; delivery?: string; contentType: string; config?: string; json?: boolean },
): Promise<void> => {
  const webhooks = webhooksOf(loadConfig(options.config));
  const webhook = Object.hasOwn(webhooks, name) ? webhooks[name] : undefined;
  if (webhook === undefined) {
    const known = Object.keys(webhooks).join(', ') || 'none';
    throw new ConductorError('not_found', `there is no webhook "${name}" in the configuration; there are: ${known}`);
  }
  const provider = providerOf(name, webhook);
  const url = addressOf(await serverOf(options), name);
  const rawBody = await readPayload(file);
  const id = options.delivery ?? randomUUID();
  const headers = provider.headersOf?.(options.event ?? '', id) ?? {};
  if (options.event === undefined && Object.values(headers).includes(''))
    throw new ConductorError('usage', `say which event it is, as --event push`);
  let response: Response;
  try {
    response = await fetch(url, {
      method: 'POST',
      body: new Uint8Array(rawBody),
      headers: {
        'content-type': options.contentType,
        ...headers,
        ...provider.verifier.sign(rawBody, webhook.secrets[0] ?? '', { now: clock.now(), id }),
      },
    });
  } catch (cause) {
    throw new ConductorError('unavailable', `nothing answers at ${url}; is "conductor serve" running?`, { cause });
  }
  const answer: unknown = await response.json().catch(() => undefined);
  if (!response.ok) throw refusal(response.status, answer);
  const told = isObject(answer) ? answer : {};
  if (options.json) process.stdout.write(`${JSON.stringify(told, null, 2)}\n`);
  else if (typeof told['msg_id'] === 'string') process.stdout.write(`${told['msg_id']}\n`);
  if (typeof told['challenge'] === 'string') process.stderr.write('it asked whether we are here, and was answered\n');
  if (told['duplicate'] === true) process.stderr.write('it was told before\n');
  if (typeof told['ignored'] === 'string') process.stderr.write(`${told['ignored']}\n`);
};
