import { Subject, filter, firstValueFrom, lastValueFrom, map, race, take, timer, type Observable } from 'rxjs';
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

/** Remembers that it was stopped, from the beginning on, and tells whoever works at the moment. */
const listenForStop = (stop$: Observable<unknown>) => {
  let reason: string | undefined;
  const said = new Subject<string>();
  const tell = (why: unknown): void => {
    if (reason !== undefined) return;
    reason = typeof why === 'string' ? why : 'stopped';
    said.next(reason);
  };
  const subscription = stop$.pipe(take(1)).subscribe({ next: tell, error: tell });
  return {
    get reason() {
      return reason;
    },
    said$: said.asObservable(),
    close: () => subscription.unsubscribe(),
  };
};

/** One attempt, to its end: a stopped one too is awaited, so that its end is said when nothing of it is left. */
const attemptOnce = async (
  { runner }: AttemptPorts,
  spec: AttemptSpec,
  stop: ReturnType<typeof listenForStop>,
  onEvent: AttemptRequest['onEvent'],
): Promise<RunEnd> => {
  const stopIt = (reason: string): void => void runner.stop(spec, reason);
  const last = lastValueFrom(
    runner.attempt(spec).pipe(
      filter((event): event is RunEnd => {
        if (event.kind !== 'end') onEvent?.(event);
        return event.kind === 'end';
      }),
    ),
  );
  const stopping = stop.said$.subscribe({ next: stopIt, error: () => stopIt('stopped') });
  if (stop.reason !== undefined) stopIt(stop.reason);
  try {
    return await last;
  } finally {
    stopping.unsubscribe();
  }
};

/**
 * Attempts until one succeeds, the failure is no transient one, or the attempts are used up. Each attempt is on the
 * bus before it starts and after it ends.
 */
export const runAttempts = async (
  ports: AttemptPorts,
  request: AttemptRequest,
  stop$: Observable<unknown>,
): Promise<{ end: RunEnd; attempts: number }> => {
  const stop = listenForStop(stop$);
  try {
    return await tryAll(ports, request, stop);
  } finally {
    stop.close();
  }
};

const tryAll = async (
  ports: AttemptPorts,
  request: AttemptRequest,
  stop: ReturnType<typeof listenForStop>,
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
    const { retry, onEvent, root: _root, cause: _cause, ...rest } = request;
    const spec = { ...rest, run_id, attempt, ...(previous ? { previous_run_id: previous } : {}) };
    const end = await attemptOnce(ports, spec, stop, onEvent);
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
    const cancelled =
      stop.reason !== undefined ||
      (await firstValueFrom(race(waited$, stop.said$.pipe(map(() => true))), { defaultValue: true }));
    if (cancelled) return { end: { ...end, reason: 'stopped' }, attempts: attempt };
  }
};
