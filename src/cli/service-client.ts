import { request as plain } from 'node:http';
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

/** Posts JSON, or gets where there is `null`, and resolves with the JSON of the answer; the service's own errors come back as they were. */
export const askService = (
  service: ServiceAddress,
  path: string,
  body: unknown = {},
  signal?: AbortSignal,
): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const url = new URL(path, service.url);
    const call = (url.protocol === 'https:' ? secure : plain)(
      url,
      {
        method: body === null ? 'GET' : 'POST',
        headers: { authorization: `Bearer ${service.token}`, 'content-type': 'application/json' },
        ...(service.socket === undefined ? {} : { socketPath: service.socket }),
        ...(signal === undefined ? {} : { signal }),
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => (text += part));
        answer.on('end', () => {
          let value: { error?: { code?: unknown; message?: unknown } };
          try {
            value = JSON.parse(text) as typeof value;
          } catch (cause) {
            reject(new ConductorError('unavailable', 'the service gave no answer that can be read', { cause }));
            return;
          }
          if ((answer.statusCode ?? 500) < 400) resolve(value);
          else {
            const { code, message } = value.error ?? {};
            reject(new ConductorError(isCode(code) ? code : 'internal', String(message)));
          }
        });
      },
    );
    call.on('error', (cause) =>
      reject(new ConductorError('unavailable', `the service does not answer: ${cause.message}`, { cause })),
    );
    call.end(body === null ? undefined : JSON.stringify(body));
  });
