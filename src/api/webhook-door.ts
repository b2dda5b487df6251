import type { IncomingMessage, ServerResponse } from 'node:http';
import { ConductorError, toConductorError } from '../core/errors.js';
import type { ApiOptions } from './doors.js';
import { errorBody, errorHeaders } from './errors.js';
import { readBody, requestIdOf } from './request.js';
import { SECURITY_HEADERS } from './security-headers.js';

const PATH = /^((?:\/api\/v1)?\/webhooks\/([A-Za-z0-9._-]{1,200}))(?:\?|$)/;
const ROUTE = '/api/v1/webhooks/:name';

interface Answer {
  status: number;
  body: unknown;
  headers: Record<string, string>;
  code?: string;
}

/**
 * Answers deliveries on node:http itself, before the app: a chain of middleware and a router cost a quarter of each
 * (`npm run bench webhooks`). Order, headers, errors, audit and counts are those of every other request.
 */
export const webhookDoor = ({
  webhooks,
  gate,
  audit,
  metrics,
  log,
  isDraining,
}: Pick<ApiOptions, 'webhooks' | 'gate' | 'audit' | 'metrics' | 'log' | 'isDraining'>) => {
  const take = async (request: IncomingMessage, path: string, name: string): Promise<Answer> => {
    gate.turnAway(request);
    if (isDraining()) throw new ConductorError('unavailable', 'the conductor is stopping: come back in a few seconds');
    const rawBody = await readBody(request, path);
    const body = await webhooks.receive(name, request.headers, rawBody);
    // A challenge is only taken as answered with a 200.
    return { status: 'challenge' in body ? 200 : 202, body, headers: {} };
  };

  const refuse = (error: unknown, request_id: string, path: string): Answer => {
    const problem = toConductorError(error);
    if (problem.status === 500)
      log.error('a request failed', { request_id, method: 'POST', path, reason: problem.message });
    return { status: problem.status, body: errorBody(problem), headers: errorHeaders(problem), code: problem.code };
  };

  const serve = async (
    request: IncomingMessage,
    response: ServerResponse,
    { path, name }: { path: string; name: string },
  ): Promise<void> => {
    const began = performance.now();
    const request_id = requestIdOf(request);
    const { address } = gate.identify(request);
    const answer = await take(request, path, name).catch((error: unknown) => refuse(error, request_id, path));
    const text = JSON.stringify(answer.body);
    response.writeHead(answer.status, {
      ...SECURITY_HEADERS,
      ...answer.headers,
      'X-Request-ID': request_id,
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': Buffer.byteLength(text),
    });
    response.end(text);
    const { status, code } = answer;
    metrics.observe('POST', ROUTE, status, performance.now() - began);
    audit.write({
      request_id,
      caller: 'anyone',
      address,
      method: 'POST',
      path,
      status,
      ...(code === undefined ? {} : { code }),
    });
  };

  /** True when the request is a delivery, which is then answered. */
  return (request: IncomingMessage, response: ServerResponse): boolean => {
    const found = request.method === 'POST' ? PATH.exec(request.url ?? '') : null;
    if (found === null) return false;
    const [, path = '', name = ''] = found;
    response.on('error', (error) => log.warn('an answer could not be sent', { reason: error.message }));
    void serve(request, response, { path, name });
    return true;
  };
};
