import { filter, firstValueFrom, map, race, takeUntil, timer, type Observable } from 'rxjs';
import { backoffDelay, type Backoff } from '../core/backoff.js';
import { MAX_DEPTH } from '../core/depth.js';
import type { Trust } from '../core/event.js';
import type { RunStarted } from '../core/ledger-view.js';
import type { AttemptSpec, Clock, Ids, Ledger, Random, Runner, Bus } from '../core/ports.js';
import type { AgentEvent, RunEnd } from '../core/run.js';

export interface AttemptPorts {
  bus: Pick<Bus, 'record'>;
  ledger?: Ledger;
  runner: Runner;
  ids: Ids;
  clock: Clock;
  random: Random;
}

export type AttemptRequest = Omit<AttemptSpec, 'run_id' | 'attempt'> & {
  root?: string;
  cause?: string;
  retry: Backoff & { attempts: number };
  onEvent?: (event: AgentEvent) => void;
};

const failed = (run_id: string, exit: 1 | 2 | 3, message: string): RunEnd => ({
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
});

const startFact = (request: AttemptRequest, run_id: string, attempt: number): RunStarted => ({
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
});

const scope = (
  request: { project_id: string; task_id: string; trust: Trust; cause?: string; root?: string; depth: number },
  run_id: string,
) => ({
  project_id: request.project_id,
  task_id: request.task_id,
  run_id,
  source: `run:${run_id}`,
  trust: request.trust,
  depth: request.depth,
  parents: [
    ...(request.cause ? [{ msg_id: request.cause, kind: 'caused_by' }] : []),
    ...(request.root ? [{ msg_id: request.root, kind: 'root' }] : []),
  ],
});

export const stopFact = (request: Parameters<typeof scope>[0] & { agent: string }, end: RunEnd) => ({
  ...scope(request, end.run_id),
  type: 'RUN_STOP',
  data: {
    run_id: end.run_id,
    status: end.status,
    exit: end.exit,
    exit_code: end.exit_code,
    ...(end.class ? { class: end.class } : {}),
    ...(end.reason ? { reason: end.reason } : {}),
    ...(end.signal ? { signal: end.signal } : {}),
    ...(end.usage ? { usage: end.usage } : {}),
    ...(end.cost_usd === undefined ? {} : { cost_usd: end.cost_usd }),
    duration_ms: end.duration_ms,
  },
  body:
    end.status === 'completed'
      ? `${request.agent} completed`
      : `ERROR: ${request.agent} failed (${end.reason ?? `exit ${end.exit_code}`}): ${end.error_summary ?? ''}`,
});

/**
 * Attempts until one succeeds, the failure is no transient one, or the attempts are used up. Each attempt is on the
 * bus before it starts and after it ends.
 */
export const runAttempts = async (
  ports: AttemptPorts,
  request: AttemptRequest,
  stop$: Observable<unknown>,
): Promise<{ end: RunEnd; attempts: number }> => {
  let previous: string | undefined;
  for (let attempt = 1; ; attempt++) {
    const run_id = ports.ids.runId();
    if (request.depth >= MAX_DEPTH) {
      return {
        end: failed(
          run_id,
          2,
          `maximum depth reached: a run at depth ${request.depth} is not started (the maximum is ${MAX_DEPTH})`,
        ),
        attempts: attempt,
      };
    }
    const start = startFact(request, run_id, attempt);
    const fact = {
      ...scope(request, run_id),
      type: 'RUN_START',
      data: { ...start },
      body: `${request.agent} starts (attempt ${attempt})`,
    };
    await (ports.ledger ?? ports.bus).record([fact]);
    const { retry, onEvent, root: _root, cause: _cause, ...spec } = request;
    const ended = await firstValueFrom(
      ports.runner.attempt({ ...spec, run_id, attempt, ...(previous ? { previous_run_id: previous } : {}) }).pipe(
        filter((event): event is RunEnd => {
          if (event.kind !== 'end') onEvent?.(event);
          return event.kind === 'end';
        }),
        takeUntil(stop$),
      ),
      { defaultValue: undefined },
    );
    const end = ended ?? { ...failed(run_id, 1, 'the run was stopped'), reason: 'stopped' };
    await (ports.ledger ?? ports.bus).record([stopFact(request, end)]);
    if (
      end.status === 'completed' ||
      end.class !== 'transient' ||
      end.reason?.startsWith('stopped') ||
      attempt >= retry.attempts
    ) {
      return { end, attempts: attempt };
    }
    previous = run_id;
    const delay = backoffDelay(attempt, retry, ports.random());
    const waited$ = timer(delay, ports.clock.scheduler).pipe(map(() => false));
    const cancelled = await firstValueFrom(race(waited$, stop$.pipe(map(() => true))), { defaultValue: true });
    if (cancelled) return { end: { ...end, reason: 'stopped' }, attempts: attempt };
  }
};
