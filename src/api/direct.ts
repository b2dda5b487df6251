import type { IncomingMessage, ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';
import { toConductorError } from '../core/errors.js';
import type { Visitor } from './access/gate.js';
import type { ApiOptions } from './doors.js';
import { errorBody, errorHeaders } from './errors.js';
import { requestIdOf } from './request.js';
import { DATA_HEADERS } from './security-headers.js';

/** One POST that is answered on node:http itself. */
interface Work {
  /** For the metrics. */
  route: string;
  path: string;
  /** Resolves with the answer, throws what it is refused for. */
  take: (request: IncomingMessage, visitor: Visitor) => Promise<{ status: number; body: unknown }>;
}

/** As writeHead takes them cheapest: names and values in turn. */
const ON_EVERY_ANSWER: readonly string[] = [
  ...Object.entries(DATA_HEADERS).flat(),
  'Content-Type',
  'application/json; charset=utf-8',
];

interface Answer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
  code?: string;
}

/**
 * Answers before the app, for what comes most: a chain of middleware and a router cost a quarter of each request
 * (`npm run bench service rules`). Order, headers, errors, audit and counts are those of every other request.
 */
export const answerDirectly = ({
  gate,
  audit,
  metrics,
  log,
}: Pick<ApiOptions, 'gate' | 'audit' | 'metrics' | 'log'>) => {
  const warn = ({ message }: Error): void => log.warn('an answer could not be sent', { reason: message });

  const refuse = (error: unknown, request_id: string, path: string): Answer => {
    const problem = toConductorError(error);
    if (problem.status === 500)
      log.error('a request failed', { request_id, method: 'POST', path, reason: problem.message });
    return { status: problem.status, body: errorBody(problem), headers: errorHeaders(problem), code: problem.code };
  };

  return async (request: IncomingMessage, response: ServerResponse, { route, path, take }: Work): Promise<void> => {
    response.on('error', warn);
    const began = performance.now();
    const request_id = requestIdOf(request);
    const visitor = gate.identify(request);
    let answer: Answer;
    try {
      gate.turnAway(request);
      answer = await take(request, visitor);
    } catch (error) {
      answer = refuse(error, request_id, path);
    }
    const { status, body, headers, code } = answer;
    const text = JSON.stringify(body);
    const length = Buffer.byteLength(text);
    const own = ['X-Request-ID', request_id, 'Content-Length', String(length)];
    if (headers) own.push(...Object.entries(headers).flat());
    response.writeHead(status, ON_EVERY_ANSWER.concat(own));
    const { socket } = response;
    // Head and text in one piece: by itself the end would be a second one.
    socket?.cork();
    // What has a byte for each character need not be looked through.
    response.write(text, length === text.length ? 'latin1' : 'utf8');
    socket?.uncork();
    response.end();
    metrics.observe('POST', route, status, performance.now() - began);
    audit.write({
      request_id,
      caller: visitor.caller?.name ?? 'anyone',
      address: visitor.address,
      method: 'POST',
      path,
      status,
      ...(code === undefined ? {} : { code }),
    });
  };
};
