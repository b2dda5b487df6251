import { ConductorError } from '../../core/errors.js';
import type { HttpStep } from '../../core/handler.js';
import type { Call } from '../context.js';
import { keyOf } from '../effect-key.js';
import { completed, failure, forTemplate, type Outcome } from '../scope.js';
import { render, renderDeep } from '../template.js';

const LIMIT_MS = 30_000;
const ANSWER_MAX = 24 * 1024;

/** At least once, with the same Idempotency-Key each time. */
export const runHttp = async ({ context, step, path, frame }: Call<HttpStep>): Promise<Outcome> => {
  await context.gate(frame.stop);
  await context.journal.commit();
  const nonce = context.ports.nonce();
  const variables = forTemplate(frame.variables);
  const address = render(step.url, variables, nonce);
  if (!URL.canParse(address)) throw new ConductorError('bad_request', `"${step.url}" gave no URL`);
  const url = new URL(address);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new ConductorError('bad_request', `${url.protocol} is no protocol of a request`);
  const body = step.body === undefined ? undefined : renderDeep(step.body, variables, nonce);
  const headers: Record<string, string> = {
    ...(body === undefined || typeof body === 'string' ? {} : { 'content-type': 'application/json' }),
    ...(renderDeep(step.headers, variables, nonce) as Record<string, string>),
    'idempotency-key': keyOf(context.id, path),
  };
  const abort = new AbortController();
  const leave = frame.stop.on(() => abort.abort());
  const timeout = AbortSignal.timeout(step.timeout ?? LIMIT_MS);
  try {
    const response = await fetch(url, {
      method: step.method,
      headers,
      redirect: 'error',
      signal: AbortSignal.any([abort.signal, timeout]),
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok)
      return {
        ...failure(
          response.status === 429 || response.status >= 500 ? 1 : 2,
          `${url.host} answered ${response.status}`,
        ),
        output: text.slice(0, ANSWER_MAX),
      };
    return completed(text.slice(0, ANSWER_MAX), step.output === 'json' ? JSON.parse(text) : undefined);
  } catch (error) {
    frame.stop.check();
    if (timeout.aborted) return failure(1, `timeout: ${url.host} did not answer in time`);
    if (error instanceof SyntaxError) return failure(2, 'the answer is not JSON');
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
    return failure(1, `${error instanceof Error ? error.message : String(error)}${cause}`);
  } finally {
    leave();
  }
};
