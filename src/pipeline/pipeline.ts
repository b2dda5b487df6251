import {
  concat,
  concatMap,
  defer,
  filter,
  from,
  lastValueFrom,
  merge,
  mergeMap,
  of,
  share,
  takeUntil,
  type Observable,
} from 'rxjs';
import { ConductorError, toConductorError } from '../core/errors.js';
import type { Event } from '../core/event.js';
import type { Handler } from '../core/handler.js';
import type { Activation } from '../core/ledger-view.js';
import type { Handlers, Log, Runs } from '../core/ports.js';
import { TASK_HANDLER } from '../core/task.js';
import { dependenciesDone } from './dependencies.js';
import { execute, type PipelinePorts } from './execute.js';
import { stopFact } from './run-attempts.js';
import { taskHandler } from './task-handler.js';
import type { RunEnd } from '../core/run.js';

export interface Outcome {
  activation: string;
  status: 'completed' | 'failed' | 'stopped';
}

/** What may have opened an activation, or let one begin that was held back. */
const OPENS = new Set(['ROUTED', 'TASK_REQUESTED', 'CONDUCTOR_UNPAUSED']);

/**
 * Carries every open activation of the ledger to its end: those found at the start (resumed after their last finished
 * step) and those that ROUTED opens. Nothing begins while the conductor is paused.
 */
export const pipeline = (
  ports: PipelinePorts & { handlers: Handlers; runs: Runs; log: Log },
  drain$: Observable<unknown>,
  stop$: Observable<unknown>,
): Observable<Outcome> =>
  defer(() => {
    const begun = new Set<string>();
    // One listener for all: an activation that waits must cost nothing for each event.
    const taskStopped$ = ports.ledger.folded$.pipe(
      filter((event) => event.type === 'TASK_STOPPED'),
      share(),
    );
    const open$ = concat(of(undefined), ports.ledger.folded$.pipe(filter((event) => OPENS.has(event.type)))).pipe(
      concatMap(() => (ports.ledger.view.paused ? [] : [...ports.ledger.view.activations.values()])),
      filter((activation) => activation.status === 'open' && !begun.has(activation.activation)),
    );
    // Takes nothing new once draining; what has begun runs to its end.
    return open$.pipe(takeUntil(drain$)).pipe(
      mergeMap((activation) => {
        begun.add(activation.activation);
        const stopped$ = taskStopped$.pipe(filter(() => activation.stopped === true));
        return from(carry(ports, activation, merge(stop$, stopped$)));
      }),
    );
  });

const carry = async (
  ports: PipelinePorts & { handlers: Handlers; runs: Runs; log: Log },
  activation: Activation,
  stop$: Observable<unknown>,
): Promise<Outcome> => {
  const event = activation.cause;
  const end = async (status: 'completed' | 'failed', exit: number, error?: string): Promise<Outcome> => {
    await ports.ledger.record([
      {
        type: 'HANDLER_FINISHED',
        source: 'pipeline',
        project_id: activation.project_id,
        task_id: activation.task_id,
        depth: activation.depth,
        parents: [{ msg_id: activation.event, kind: 'caused_by' }],
        data: {
          activation: activation.activation,
          handler: activation.handler,
          status,
          exit,
          ...(error === undefined ? {} : { error }),
        },
        body:
          status === 'completed'
            ? `${activation.handler} completed`
            : `ERROR: ${activation.handler} failed (${exit}): ${error ?? ''}`,
      },
    ]);
    return { activation: activation.activation, status };
  };
  try {
    if (!event) return await end('failed', 1, 'the event is no longer on the bus');
    const handler = handlerOf(ports, activation, event);
    if (handler instanceof ConductorError) return await end('failed', handler.exit, handler.message);
    if (!handler) return await end('failed', 3, `there is no handler "${activation.handler}"`);
    const failure = await waitFor(ports, activation, event, stop$);
    if (activation.stopped || failure?.code === 'stopped')
      return { activation: activation.activation, status: 'stopped' };
    if (failure) return await end('failed', failure.exit, failure.message);
    await adoptRuns(ports, activation);
    const outcome = await execute(ports, handler, activation, event, stop$);
    return outcome.status === 'stopped'
      ? { activation: activation.activation, status: 'stopped' }
      : await end(outcome.status, outcome.exit, outcome.error);
  } catch (error) {
    ports.log.error(`pipeline: ${activation.activation}: ${error instanceof Error ? error.message : String(error)}`);
    return { activation: activation.activation, status: 'stopped' };
  }
};

const handlerOf = (
  ports: PipelinePorts & { handlers: Handlers },
  activation: Activation,
  event: Event,
): Handler | ConductorError | undefined => {
  if (activation.handler !== TASK_HANDLER) return ports.handlers.find(activation.handler);
  try {
    return taskHandler(event, ports.agents);
  } catch (error) {
    return toConductorError(error);
  }
};

/** Until what the task depends on has completed; a failure when that can no longer come. */
const waitFor = async (
  ports: PipelinePorts & { runs: Runs },
  activation: Activation,
  event: Event,
  stop$: Observable<unknown>,
): Promise<ConductorError | undefined> => {
  const { depends_on } = event.data;
  if (activation.handler !== TASK_HANDLER || !Array.isArray(depends_on) || depends_on.length === 0) return undefined;
  const wanted = depends_on.map((name) => {
    const [project_id = '', task_id = ''] = String(name).split('/', 2);
    return { project_id, task_id };
  });
  try {
    await dependenciesDone(ports, activation, wanted, stop$);
    return undefined;
  } catch (error) {
    return toConductorError(error);
  }
};

/** Runs that a conductor that is gone started for this activation: awaited, and their step finished with what they did. */
const adoptRuns = async (ports: PipelinePorts & { runs: Runs }, activation: Activation): Promise<void> => {
  for (const started of [...ports.ledger.view.runs.values()].filter(
    (run) => run.activation === activation.activation,
  )) {
    const info = await ports.runs.find(started);
    const end: RunEnd | undefined = info
      ? await lastValueFrom(ports.runner.adopt(info).pipe(filter((event): event is RunEnd => event.kind === 'end')))
      : undefined;
    const result: RunEnd = end ?? {
      kind: 'end',
      run_id: started.run_id,
      status: 'failed',
      exit: 1,
      class: 'transient',
      exit_code: -1,
      reason: 'never_started',
      output: '',
      stderr: '',
      duration_ms: 0,
    };
    await ports.ledger.record([stopFact({ ...started, trust: activation.trust, cause: activation.event }, result)]);
    if (result.reason === 'never_started' || result.reason === 'lost' || started.step === undefined) continue;
    await ports.ledger.record([
      {
        type: 'STEP_FINISHED',
        source: 'pipeline',
        project_id: activation.project_id,
        task_id: activation.task_id,
        data: {
          activation: activation.activation,
          step: started.step,
          status: result.status,
          attempts: started.attempt,
          output: result.output.slice(0, 24_576),
          run_id: result.run_id,
          exit: result.exit,
          ...(result.error_summary ? { error: result.error_summary } : {}),
        },
        body:
          result.status === 'failed'
            ? `ERROR: step ${started.step} failed: ${result.error_summary ?? ''}`
            : `step ${started.step} completed`,
      },
    ]);
  }
};
