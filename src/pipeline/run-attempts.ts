import type { Observable } from 'rxjs';
import type { Backoff } from '../core/backoff.js';
import { MAX_DEPTH } from '../core/depth.js';
import type { Draft, Trust } from '../core/event.js';
import type { RunStarted } from '../core/ledger-view.js';
import type { AttemptSpec, Bus, Chooser, Clock, Ids, Ledger, Random, Runner, RunScope } from '../core/ports.js';
import type { AgentEvent, FailureClass, RunEnd } from '../core/run.js';
import type { Stop } from './stop.js';

export interface AttemptPorts {
  bus: Pick<Bus, 'record'>;
  ledger?: Ledger;
  runner: Runner;
  ids: Ids;
  clock: Clock;
  random: Random;
  /** Missing: every agent is the one that was named. */
  chooser?: Chooser;
}

export type AttemptRequest = Omit<AttemptSpec, 'run_id' | 'attempt'> & {
  /** The person who asked for it. */
  actor?: string;
  /** Of the pool that the agent was chosen from. */
  pool?: string;
  root?: string;
  cause?: string;
  retry: Backoff & { attempts: number; on?: readonly FailureClass[] };
  onEvent?: (event: AgentEvent) => void;
};

export const failedEnd = (run_id: string, exit: 1 | 2 | 3, message: string, reason?: string): RunEnd => ({
  kind: 'end',
  run_id,
  status: 'failed',
  exit,
  class: exit === 1 ? 'transient' : exit === 2 ? 'permanent' : 'configuration',
  exit_code: -1,
  output: '',
  stderr: '',
  error_summary: message,
  duration_ms: 0,
  ...(reason === undefined ? {} : { reason }),
});

const scope = (
  request: {
    project_id: string;
    task_id: string;
    trust: Trust;
    actor?: string;
    cause?: string;
    root?: string;
    depth: number;
  },
  run_id: string,
) => ({
  project_id: request.project_id,
  task_id: request.task_id,
  run_id,
  source: `run:${run_id}`,
  ...(request.actor === undefined ? {} : { actor: request.actor }),
  trust: request.trust,
  depth: request.depth,
  parents: [
    ...(request.cause ? [{ msg_id: request.cause, kind: 'caused_by' }] : []),
    ...(request.root ? [{ msg_id: request.root, kind: 'root' }] : []),
  ],
});

export const startFact = (request: Omit<AttemptRequest, 'retry'>, run_id: string, attempt: number): Draft => {
  const data: RunStarted = {
    run_id,
    project_id: request.project_id,
    task_id: request.task_id,
    agent: request.agent,
    cwd: request.cwd,
    depth: request.depth,
    attempt,
    ...(request.parent_run_id ? { parent_run_id: request.parent_run_id } : {}),
    ...(request.root ? { root: request.root } : {}),
    ...(request.activation ? { activation: request.activation } : {}),
    ...(request.step ? { step: request.step } : {}),
    ...(request.pool ? { pool: request.pool } : {}),
    ...(request.rule ? { budget: request.rule.id } : {}),
  };
  const body = `${request.agent} starts (attempt ${attempt})`;
  return { ...scope(request, run_id), type: 'RUN_START', data: { ...data }, body };
};

export const stopFact = (request: Parameters<typeof scope>[0] & { agent: string }, end: RunEnd): Draft => ({
  ...scope(request, end.run_id),
  type: 'RUN_STOP',
  data: {
    run_id: end.run_id,
    status: end.status,
    exit: end.exit,
    exit_code: end.exit_code,
    ...(end.class ? { class: end.class } : {}),
    ...(end.reason ? { reason: end.reason } : {}),
    ...(end.retry_at ? { retry_at: end.retry_at } : {}),
    ...(end.signal ? { signal: end.signal } : {}),
    ...(end.usage ? { usage: end.usage } : {}),
    ...(end.cost_usd === undefined ? {} : { cost_usd: end.cost_usd }),
    ...(end.commits ? { commits: end.commits } : {}),
    duration_ms: end.duration_ms,
  },
  body:
    end.status === 'completed'
      ? `${request.agent} completed`
      : `ERROR: ${request.agent} failed (${end.reason ?? `exit ${end.exit_code}`}): ${end.error_summary ?? ''}`,
});

/** Follows a run to its end: of a stopped one, too, its end is told when nothing of it is left. */
export const follow = (
  runner: Runner,
  run: RunScope,
  run$: Observable<AgentEvent | RunEnd>,
  stop: Stop,
  onEvent?: (event: AgentEvent) => void,
): Promise<RunEnd> =>
  new Promise((resolve) => {
    let leave = (): void => undefined;
    const end = (result: RunEnd): void => {
      leave();
      resolve(result);
    };
    const subscription = run$.subscribe({
      next: (event) => (event.kind === 'end' ? end(event) : onEvent?.(event)),
      error: (error: unknown) => end(failedEnd(run.run_id, 1, error instanceof Error ? error.message : String(error))),
      complete: () => end(failedEnd(run.run_id, 1, 'the run ended without saying how')),
    });
    leave = stop.on(() => {
      runner.stop(run, stop.reason ?? 'stopped').catch((error: unknown) => {
        subscription.unsubscribe();
        end(failedEnd(run.run_id, 1, `it could not be stopped: ${String(error)}`, `stopped: ${stop.reason}`));
      });
    });
  });

/** Why a run that did not end by itself may start again without that counting: its machine or its conductor was gone. */
export const isUncounted = (end: RunEnd): boolean => end.reason === 'never_started' || end.reason === 'lost';

export const tooDeep = (run_id: string, depth: number): RunEnd =>
  failedEnd(run_id, 2, `maximum depth reached: a run at depth ${depth} is not started (the maximum is ${MAX_DEPTH})`);

/** True when trying again cannot help, or was not asked for. */
export const isFinal = (end: RunEnd, on: readonly FailureClass[] = ['transient']): boolean =>
  end.status === 'completed' || !on.includes(end.class ?? 'transient') || end.reason?.startsWith('stopped') === true;
