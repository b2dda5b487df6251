import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Observable } from 'rxjs';
import { backoffDelay } from '../core/backoff.js';
import { isReserved } from '../core/event-type.js';
import type { Bus, Runs, Workspaces } from '../core/ports.js';
import type { RunEnd } from '../core/run.js';
import { runAttempts } from './attempts.js';
import { loopPrompt, type LoopNews } from './loop-prompt.js';
import type { NextPorts } from './next-attempt.js';
import { pause } from './pause.js';
import type { AttemptPorts, AttemptRequest } from './run-attempts.js';
import { Stop, anySaid } from './stop.js';

export interface LoopOptions {
  /** A shell command that must succeed before DONE counts. */
  verify?: string | undefined;
  /** Turns after the first. */
  max_restarts: number;
  /** Turns in a row after which nothing in the folder has changed. */
  max_idle: number;
  /** Of all turns together. */
  max_usd?: number | undefined;
  /** `resume`: each turn goes on in the agent's own session, where it can. */
  session: 'fresh' | 'resume';
}

export type LoopPorts = AttemptPorts & NextPorts & { bus: Bus; runs: Runs; workspaces: Workspaces };
type Request = Omit<AttemptRequest, 'retry'>;

export interface LoopEnd {
  end: RunEnd;
  turns: number;
}

const ONCE = { attempts: 1, base_ms: 1_000, cap_ms: 30_000 };
const BETWEEN_MS = 1_000;
const CRASH_BACKOFF = { base_ms: 2_000, cap_ms: 300_000 };
/** Failures in a row after which it is no bad luck any more. */
const CRASHES_MAX = 10;

const refuse = (end: RunEnd, message: string): RunEnd => ({
  ...end,
  status: 'failed',
  exit: 2,
  class: 'permanent',
  error_summary: message,
});

/** What others said in the task since then, for the next turn to read. */
const messagesSince = async (bus: Bus, request: Request, since: string): Promise<string[]> => {
  const { project_id, task_id } = request;
  const lines: string[] = [];
  for await (const event of bus.read({ project_id, task_id, tail: 200 }))
    if (event.ts >= since && !isReserved(event.type)) lines.push(`${event.type} ${event.body.trim()}`);
  return lines;
};

/** Runs the check as a run of the same task, so that it is stopped, limited and kept like any other. */
const verified = async (
  ports: LoopPorts,
  request: Request,
  command: string,
  stop: Stop,
): Promise<{ ok: boolean; said: string }> => {
  const { stdin: _stdin, onEvent: _onEvent, ...rest } = request;
  const check = { ...rest, agent: 'shell', prompt: `${command}\n`, retry: ONCE };
  const { end } = await runAttempts(ports, check, anySaid(stop));
  return { ok: end.status === 'completed', said: `${end.output}\n${end.stderr}\n${end.error_summary ?? ''}` };
};

/**
 * Starts an agent again and again until DONE is there and the check, if any, succeeds. DONE is a file, never a phrase.
 * Children are awaited by each run itself. Stops at a permanent failure, without progress, over budget, or when told.
 */
export const untilDone = async (
  ports: LoopPorts,
  request: Request,
  options: LoopOptions,
  stop$: Observable<unknown>,
): Promise<LoopEnd> => {
  const stop = new Stop();
  const stopping = stop$.subscribe({ next: () => stop.say('stopped'), error: () => stop.say('stopped') });
  try {
    return await loop(ports, request, options, stop);
  } finally {
    stopping.unsubscribe();
  }
};

const loop = async (ports: LoopPorts, request: Request, options: LoopOptions, stop: Stop): Promise<LoopEnd> => {
  const { workspaces, clock } = ports;
  const done = join(ports.runs.folder({ project_id: request.project_id, task_id: request.task_id }), 'DONE');
  // One that an earlier loop left says nothing about this one.
  rmSync(done, { force: true });
  const isScript = ports.agents.find(request.agent).backend === 'shell';
  const resumes = options.session === 'resume' && ports.agents.find(request.agent).resumes === true;
  let usd = 0;
  let crashes = 0;
  let idle = 0;
  let session: string | undefined;
  let digest = await workspaces.digest(request.cwd);
  let news: Omit<LoopNews, 'turn' | 'changes'> = {
    done,
    verify: options.verify,
    last: undefined,
    refused: undefined,
    messages: [],
  };

  for (let turn = 1; ; turn++) {
    const since = new Date(clock.now()).toISOString();
    const changes = turn === 1 ? '' : await workspaces.summary(request.cwd);
    const { end } = await runAttempts(
      ports,
      {
        ...request,
        // A script is no text to add to; it finds the same in its environment.
        prompt: isScript ? request.prompt : loopPrompt(request.prompt, { ...news, turn, changes }),
        env: { ...request.env, CONDUCTOR_DONE: done, ITERATION: String(turn), LAST_CHECK: news.refused ?? '' },
        ...(session === undefined ? {} : { resume_session: session }),
        retry: ONCE,
      },
      anySaid(stop),
    );
    usd += end.cost_usd ?? 0;
    if (stop.reason !== undefined || end.reason?.startsWith('stopped')) return { end, turns: turn };

    let refused: string | undefined;
    if (existsSync(done)) {
      const check =
        options.verify === undefined ? { ok: true, said: '' } : await verified(ports, request, options.verify, stop);
      if (stop.reason !== undefined)
        return { end: { ...end, status: 'failed', exit: 1, reason: 'stopped' }, turns: turn };
      if (check.ok) return { end: { ...end, status: 'completed', exit: 0 }, turns: turn };
      refused = check.said;
      rmSync(done, { force: true });
    } else if (end.status === 'failed' && end.class !== 'transient') {
      return { end, turns: turn };
    }

    const now = await workspaces.digest(request.cwd);
    idle = now === digest ? idle + 1 : 0;
    digest = now;
    crashes = end.status === 'failed' && end.reason !== 'rate_limit' ? crashes + 1 : 0;
    if (options.max_usd !== undefined && usd >= options.max_usd)
      return { end: refuse(end, `the budget is used up: ${usd.toFixed(2)} of ${options.max_usd} USD`), turns: turn };
    if (idle >= options.max_idle)
      return { end: refuse(end, `no progress: nothing in ${request.cwd} changed in ${idle} turns`), turns: turn };
    if (crashes >= CRASHES_MAX)
      return { end: refuse(end, `it failed ${crashes} times in a row: ${end.error_summary ?? ''}`), turns: turn };
    if (turn > options.max_restarts)
      return { end: refuse(end, `not done after ${options.max_restarts} restarts`), turns: turn };

    news = {
      done,
      verify: options.verify,
      refused,
      last: {
        outcome: end.status === 'completed' ? 'ended' : `failed (${end.error_summary ?? ''})`,
        output: end.output,
      },
      messages: await messagesSince(ports.bus, request, since),
    };
    session = resumes ? end.session_id : undefined;
    const reset = end.retry_at === undefined ? 0 : Date.parse(end.retry_at) - clock.now();
    const backoff = crashes === 0 ? BETWEEN_MS : backoffDelay(crashes, CRASH_BACKOFF, ports.random());
    if (reset > 0) await sayPause(ports, request, end);
    await pause(clock, Math.max(backoff, reset, 0), stop);
    if (stop.reason !== undefined)
      return { end: { ...end, status: 'failed', exit: 1, reason: 'stopped' }, turns: turn };
  }
};

const sayPause = (ports: LoopPorts, request: Request, end: RunEnd): Promise<unknown> =>
  ports.bus.record([
    {
      type: 'RUN_PAUSED',
      project_id: request.project_id,
      task_id: request.task_id,
      source: `run:${end.run_id}`,
      data: { run_id: end.run_id, until: end.retry_at, reason: 'rate_limit' },
      body: `${request.agent} is at its limit: the loop goes on at ${end.retry_at}`,
    },
  ]);
