import { request as plain, type IncomingMessage } from 'node:http';
import { request as secure } from 'node:https';
import { ConductorError, type ErrorCode, CATALOGUE } from '../core/errors.js';
import { readServiceFile } from '../storage/service-file.js';

export interface ServiceAddress {
  url: string;
  token: string;
  socket?: string;
}

/**
 * The service that is named, with CONDUCTOR_TOKEN; else where the root's is: inside a run what the run was told, else what
 * the service wrote into the root.
 */
export const findService = async (
  root: string,
  environment: NodeJS.ProcessEnv,
  server?: string,
): Promise<ServiceAddress> => {
  const { CONDUCTOR_URL: url, CONDUCTOR_TICKET: ticket, CONDUCTOR_TOKEN: token } = environment;
  if (server === undefined && url && ticket) return { url, token: ticket };
  const service = readServiceFile(root);
  if (server !== undefined) {
    if (!URL.canParse(server)) throw new ConductorError('usage', `--server "${server}" is no address`);
    if (token) return { url: server, token };
    // The root's token is not for others.
    if (service && new URL(service.url).origin === new URL(server).origin) return service;
    throw new ConductorError(
      'configuration',
      `--server needs its token in CONDUCTOR_TOKEN: "conductor token" there lends one`,
    );
  }
  if (service) return service;
  throw new ConductorError(
    'unavailable',
    `no service runs on ${root}: start one with "conductor serve --root ${root}"`,
  );
};

const isCode = (code: unknown): code is ErrorCode => typeof code === 'string' && Object.hasOwn(CATALOGUE, code);

interface Ask {
  /** Default: POST. */
  method?: 'GET' | 'POST' | 'DELETE';
  /** JSON; default `{}`, with GET and DELETE none. */
  body?: unknown;
  signal?: AbortSignal;
  /** Ends in an error once nothing came for so long. */
  silence_ms?: number;
}

/** The whole text of an answer. */
export const readAnswer = async (answer: IncomingMessage): Promise<string> => {
  let text = '';
  for await (const part of answer.setEncoding('utf8')) text += part as string;
  return text;
};

const away = (cause: unknown): ConductorError =>
  new ConductorError('unavailable', `the service does not answer: ${(cause as Error).message}`, { cause });

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ConductorError('unavailable', 'the service gave no answer that can be read', { cause });
  }
};

/** Resolves when an answer begins; the service's own errors come back as they were. */
export const openAnswer = async (
  service: ServiceAddress,
  path: string,
  { method = 'POST', body = {}, signal, silence_ms }: Ask = {},
): Promise<IncomingMessage> => {
  const url = new URL(path, service.url);
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const call = (url.protocol === 'https:' ? secure : plain)(
      url,
      {
        method,
        headers: { authorization: `Bearer ${service.token}`, 'content-type': 'application/json' },
        ...(service.socket === undefined ? {} : { socketPath: service.socket }),
        ...(signal === undefined ? {} : { signal }),
        ...(silence_ms === undefined ? {} : { timeout: silence_ms }),
      },
      resolve,
    );
    call.on('timeout', () => call.destroy(new Error('it fell silent')));
    call.on('error', (cause) => reject(away(cause)));
    call.end(method === 'POST' ? JSON.stringify(body) : undefined);
  });
  if ((answer.statusCode ?? 500) < 400) return answer;
  const { code, message } =
    (parse(await readAnswer(answer)) as { error?: { code?: unknown; message?: unknown } }).error ?? {};
  throw new ConductorError(isCode(code) ? code : 'internal', String(message));
};

/** The JSON of the answer. */
export const askService = async (service: ServiceAddress, path: string, ask: Ask = {}): Promise<unknown> =>
  parse(await readAnswer(await openAnswer(service, path, ask)));
