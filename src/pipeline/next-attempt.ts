import { backoffDelay, type Backoff } from '../core/backoff.js';
import type { Draft } from '../core/event.js';
import type { AgentDescription, Agents, Clock, Random } from '../core/ports.js';
import { warnedPrompt } from '../core/resumption.js';
import type { FailureClass, RunEnd } from '../core/run.js';
import { isFinal, startFact, type AttemptRequest } from './run-attempts.js';

export interface NextPorts {
  agents: Agents;
  clock: Pick<Clock, 'now'>;
  random: Random;
}

type Request = Omit<AttemptRequest, 'retry'>;

export interface Next {
  request: Request;
  delay_ms: number;
  /** Said on the bus before it. */
  said?: Draft;
}

/** A reset further away than this is not waited for by an attempt; a person looks first. */
const LONGEST_WAIT_MS = 24 * 3_600_000;

const why = (end: RunEnd): string => end.error_summary ?? end.reason ?? `exit code ${end.exit_code}`;

const resumedPrompt = (end: RunEnd): string =>
  `You were interrupted: ${why(end)}\nLook at what you have done already, and finish the task.`;

/** What follows a failed attempt of one request; undefined: nothing, it has failed. Keep one for all attempts of it. */
export const createNext = (ports: NextPorts, first: Request) => {
  const tried = new Set([first.agent]);
  let acted: RunEnd | undefined;

  const describe = (name: string): AgentDescription | undefined => {
    try {
      return ports.agents.find(name);
    } catch {
      // Not here: the next one may be.
      return undefined;
    }
  };

  const fallback = (request: Request, end: RunEnd): Next | undefined => {
    const others = first.pool === undefined ? [] : (describe(first.pool)?.pool?.members ?? []);
    const names = [...others, ...(describe(first.agent)?.fallback ?? [])];
    const name = names.find((one) => !tried.has(one) && describe(one) !== undefined);
    if (name === undefined) return undefined;
    tried.add(name);
    const { resume_session: _session, ...rest } = request;
    const prompt = acted ? warnedPrompt(first.prompt, why(acted)) : first.prompt;
    const { type: _type, ...said } = startFact(request, end.run_id, 0);
    return {
      request: { ...rest, agent: name, prompt },
      delay_ms: 0,
      said: {
        ...said,
        type: 'RUN_FALLBACK',
        data: {
          run_id: end.run_id,
          from: request.agent,
          to: name,
          ...(end.retry_at ? { retry_at: end.retry_at } : {}),
        },
        body: `${request.agent} is at its limit, ${name} goes on: ${why(end)}`,
      },
    };
  };

  /** Never the same again blindly once it acted: its own session, where it has one, else a plain word of warning. */
  const again = (request: Request, end: RunEnd): Request => {
    const { resume_session: _session, ...rest } = request;
    if (acted === undefined) return rest;
    if (end.session_id !== undefined && describe(request.agent)?.resumes)
      return { ...rest, prompt: resumedPrompt(end), resume_session: end.session_id };
    return { ...rest, prompt: warnedPrompt(first.prompt, why(acted)) };
  };

  return (
    request: Request,
    end: RunEnd,
    number: number,
    retry: Backoff & { attempts: number; on?: readonly FailureClass[] },
  ): Next | undefined => {
    if (end.acted) acted = end;
    const other = end.reason === 'rate_limit' ? fallback(request, end) : undefined;
    if (other) return other;
    if (isFinal(end, retry.on) || number >= retry.attempts) return undefined;
    const backoff = backoffDelay(number, retry, ports.random());
    const reset = end.retry_at === undefined ? 0 : Date.parse(end.retry_at) - ports.clock.now();
    if (reset > LONGEST_WAIT_MS) return undefined;
    return { request: again(request, end), delay_ms: Math.max(backoff, reset > 0 ? reset + backoff : 0) };
  };
};
