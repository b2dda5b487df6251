import type { Event } from '../core/event.js';
import { toConductorError } from '../core/errors.js';
import type { Handler } from '../core/handler.js';
import type { Activation } from '../core/ledger-view.js';
import type { Handlers } from '../core/ports.js';
import { markerOf } from '../core/marker.js';
import { TASK_HANDLER } from '../core/task.js';
import { Checkpoint } from './checkpoint.js';
import type { Context, PipelinePorts } from './context.js';
import { dependenciesDone } from './dependencies.js';
import { factOf } from './facts.js';
import { Journal } from './journal.js';
import { follow, stopFact } from './run-attempts.js';
import { runAll, runStep } from './run-step.js';
import type { StepCache } from './step-cache.js';
import { Interrupted, Stop, anySaid } from './stop.js';
import { taskHandler } from './task-handler.js';
import type { Wakes } from './wakes.js';

export interface Outcome {
  activation: string;
  /** `stopped`: it is still open, and goes on after a restart. */
  status: 'completed' | 'failed' | 'cancelled' | 'parked' | 'stopped';
}

export interface Carrying {
  ports: PipelinePorts & { handlers: Handlers };
  wakes: Wakes;
  cache: StepCache;
  drain: Stop;
}

/** Of what the last step gave, in characters. */
const OUTPUT_MAX = 24 * 1024;

const CANCELLED = 'cancelled: ';
export const cancelReason = (reason: string): string => `${CANCELLED}${reason}`;

/** The tree that the activation was begun with. A function cannot be kept: a changed file of them parks it. */
const treeOf = (
  { handlers, agents }: Carrying['ports'],
  activation: Activation,
  cause: Event,
): { handler: Handler } | { missing: string; park: boolean } => {
  if (activation.handler === TASK_HANDLER) return { handler: taskHandler(cause, agents) };
  const now = handlers.find(activation.handler);
  if (activation.hash === undefined)
    return now ? { handler: now } : { missing: `there is no handler "${activation.handler}"`, park: false };
  const kept = now?.hash === activation.hash ? now : handlers.byHash(activation.hash);
  if (kept) return { handler: kept };
  const how = now ? `was changed (it was ${activation.hash}, and is ${now.hash})` : 'is gone';
  return {
    missing: `the handler "${activation.handler}" ${how} since it began; go on with it as it is: conductor handlers resume ${activation.task_id}`,
    park: true,
  };
};

/** Runs of an activation that is cancelled before it goes on here: nothing of them is left. */
const stopRuns = async (
  { ports }: Carrying,
  activation: Activation,
  journal: Journal,
  reason: string,
): Promise<void> => {
  const stop = new Stop();
  stop.say(reason);
  for (const run of [...ports.ledger.view.runs.values()].filter((one) => one.activation === activation.activation)) {
    const end = await follow(ports.runner, run, ports.runner.adopt(run), stop);
    journal.defer(stopFact({ ...run, trust: activation.trust, cause: activation.event }, end));
  }
};

/** Until the tasks that a requested one depends on have completed. @throws ConductorError `dependency_failed`, `stopped` */
const waitForOthers = async (
  { ports, drain }: Carrying,
  activation: Activation,
  cause: Event,
  stop: Stop,
): Promise<void> => {
  const { depends_on } = cause.data;
  if (activation.handler !== TASK_HANDLER || !Array.isArray(depends_on) || depends_on.length === 0) return;
  const wanted = depends_on.map((name) => {
    const [project_id = '', task_id = ''] = String(name).split('/', 2);
    return { project_id, task_id };
  });
  await dependenciesDone(ports, activation, wanted, anySaid(stop, drain));
};

/** Carries one activation to its end, or to where it stops. Finished steps are not run again. */
export const carry = async (carrying: Carrying, activation: Activation, stop: Stop): Promise<Outcome> => {
  const { ports } = carrying;
  const id = activation.activation;
  const journal = new Journal(ports.ledger);
  let checkpoint: Checkpoint | undefined;
  const end = async (
    status: 'completed' | 'failed' | 'cancelled',
    exit: number,
    error?: string,
    output = '',
  ): Promise<Outcome> => {
    const data = {
      activation: id,
      handler: activation.handler,
      status,
      exit,
      ...(error === undefined ? {} : { error }),
      ...(output === '' ? {} : { output: output.slice(0, OUTPUT_MAX) }),
    };
    const body =
      status === 'completed'
        ? `${activation.handler} completed`
        : `ERROR: ${activation.handler} ${status} (${exit}): ${error ?? ''}`;
    await checkpoint?.end(status, error);
    await journal.commit(factOf(activation, 'HANDLER_FINISHED', data, body));
    return { activation: id, status };
  };
  const cancelled = (): Promise<Outcome> => end('cancelled', 1, stop.reason?.slice(CANCELLED.length));
  try {
    if (activation.cancel !== undefined) {
      stop.say(cancelReason(activation.cancel));
      await stopRuns(carrying, activation, journal, stop.reason ?? '');
      return await cancelled();
    }
    const { cause } = activation;
    if (!cause) return await end('failed', 1, 'the event is no longer on the bus');
    const found = treeOf(ports, activation, cause);
    if ('missing' in found) {
      if (!found.park) return await end('failed', 3, found.missing);
      const data = { activation: id, handler: activation.handler, reason: found.missing };
      await journal.commit(factOf(activation, 'HANDLER_PARKED', data, `ERROR: parked: ${found.missing}`));
      return { activation: id, status: 'parked' };
    }
    const { handler } = found;
    checkpoint = new Checkpoint(ports.runs.folder(pathOf(activation)), activation, handler, () => ports.clock.now());
    await waitForOthers(carrying, activation, cause, stop);
    if (activation.hash === undefined)
      journal.defer(
        factOf(
          activation,
          'HANDLER_STARTED',
          { activation: id, handler: handler.name, hash: handler.hash },
          `${handler.name} starts (${handler.hash})`,
        ),
      );
    const context: Context = {
      ports,
      handlers: ports.handlers,
      id,
      event: cause,
      get activation() {
        return ports.ledger.view.activations.get(id) ?? activation;
      },
      journal,
      cache: carrying.cache,
      wakes: carrying.wakes,
      drain: carrying.drain,
      async gate(below) {
        below.check();
        carrying.drain.check();
        if (!ports.ledger.view.paused) return;
        await carrying.wakes.wait(
          ['CONDUCTOR_UNPAUSED'],
          () => (ports.ledger.view.paused ? undefined : true),
          undefined,
          [below, carrying.drain],
        );
      },
      fact: (type, data, body) => factOf(activation, type, data, body),
      progress: (path, outcome) => {
        if (outcome.status !== 'failed') checkpoint?.finished(path);
      },
      run: (step, path, frame) => runStep(context, step, path, frame),
      runAll: (steps, prefix, frame) => runAll(context, steps, prefix, frame),
    };
    const { project_id, task_id } = activation;
    const folder = ports.runs.folder({ project_id, task_id });
    const outcome = await context.runAll(handler.steps, '', {
      variables: {
        event: cause,
        steps: {},
        with: activation.with ?? {},
        folded: activation.folded ?? { count: 1, events: [activation.event] },
        task: { project_id, task_id, folder, artifacts: `${folder}/artifacts`, marker: markerOf(id) },
      },
      stop,
      replay: false,
      calls: [handler.name],
      handler,
    });
    return outcome.status === 'failed'
      ? await end('failed', outcome.exit, outcome.error)
      : await end('completed', 0, undefined, outcome.output);
  } catch (error) {
    if (error instanceof Interrupted && error.by === stop && stop.reason?.startsWith(CANCELLED))
      return await cancelled();
    const known = toConductorError(error);
    if (!(error instanceof Interrupted) && known.code !== 'storage' && known.code !== 'stopped')
      return end('failed', known.exit, known.message);
    if (!(error instanceof Interrupted) && known.code === 'storage')
      ports.log.error(`pipeline: ${id} stands still until a restart: ${known.message}`);
    await journal.commit().catch(() => undefined);
    await checkpoint?.end('stopped');
    return { activation: id, status: 'stopped' };
  }
};

const pathOf = ({ project_id, task_id }: Activation) => ({ project_id, task_id });
