import type { Middleware } from 'koa';
import { ConductorError, toConductorError } from '../core/errors.js';
import type { Log } from '../core/ports.js';

/** The one form of an error on the wire. What went wrong inside is for the log, not for the caller. */
export const errorBody = (
  error: ConductorError,
): { error: { code: string; message: string; details?: Record<string, unknown> } } => ({
  error: {
    code: error.code,
    message:
      error.code === 'internal' ? 'something went wrong here; the log says what, under the request id' : error.message,
    ...(error.details === undefined || error.code === 'internal' ? {} : { details: error.details }),
  },
});

/** What an error adds to the headers of its answer. */
export const errorHeaders = ({ status, details }: ConductorError): Record<string, string> => {
  if (status === 503) return { 'Retry-After': '5' };
  if (status === 429) return { 'Retry-After': `${(details?.['retry_after'] as number | undefined) ?? 1}` };
  return status === 401 ? { 'WWW-Authenticate': 'Bearer realm="conductor"' } : {};
};

/** Errors become statuses here and nowhere else; so do the answers of a router that found nothing. */
export const errors =
  (log: Log): Middleware =>
  async (ctx, next) => {
    let problem: ConductorError | undefined;
    try {
      await next();
      if (ctx.body === undefined || ctx.body === null) {
        if (ctx.status === 404) problem = new ConductorError('not_found', `there is nothing at ${ctx.path}`);
        if (ctx.status === 405 || ctx.status === 501) {
          problem = new ConductorError('method_not_allowed', `${ctx.path} does not take ${ctx.method}`);
        }
      }
    } catch (error) {
      problem = toConductorError(error);
      if (problem.status === 500) {
        log.error('a request failed', {
          request_id: ctx.state['requestId'],
          method: ctx.method,
          path: ctx.path,
          reason: problem.message,
        });
      }
    }
    if (problem === undefined) return;
    ctx.status = problem.status;
    ctx.set(errorHeaders(problem));
    ctx.state['errorCode'] = problem.code;
    ctx.body = errorBody(problem);
  };
