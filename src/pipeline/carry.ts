import type { Event } from '../core/event.js';
import { toConductorError } from '../core/errors.js';
import type { Activation } from '../core/ledger-view.js';
import { TASK_HANDLER } from '../core/task.js';
import { dependenciesDone, scopeOfName } from './dependencies.js';
import { factOf } from '../core/activation-facts.js';
import { closeWorktrees } from './isolated.js';
import { Journal } from './journal.js';
import type { Resting } from './rest.js';
import { follow, stopFact } from './run-attempts.js';
import { Interrupted, Stop, anySaid } from './stop.js';
import { treeOf } from './tree-of.js';
import { Walk, type Carrying } from './walk.js';

export interface Outcome {
  activation: string;
  /**
   * `stopped`: it is still open, and goes on after a restart. `waiting`: it goes on when one of its `waits` has ended.
   * `stalled`: the bus takes nothing now.
   */
  status: 'completed' | 'failed' | 'cancelled' | 'parked' | 'stopped' | 'waiting' | 'stalled';
  /** Empty: it goes on at once. */
  waits?: readonly Resting[];
  error?: string;
}

/** Of what the last step gave, in characters. */
const OUTPUT_MAX = 24 * 1024;

const CANCELLED = 'cancelled: ';
export const cancelReason = (reason: string): string => `${CANCELLED}${reason}`;

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
  begun: () => void,
): Promise<void> => {
  const { depends_on } = cause.data;
  if (activation.handler !== TASK_HANDLER || !Array.isArray(depends_on) || depends_on.length === 0) return;
  begun();
  await dependenciesDone(ports, activation, depends_on.map(String).map(scopeOfName), anySaid(stop, drain));
};

interface End {
  status: 'completed' | 'failed' | 'cancelled';
  exit: number;
  error?: string;
  output?: string;
}

const end = async (
  ports: Carrying['ports'],
  activation: Activation,
  journal: Journal,
  { status, exit, error, output = '' }: End,
): Promise<Outcome> => {
  const { activation: id, handler } = activation;
  const data = {
    activation: id,
    handler,
    status,
    exit,
    ...(error === undefined ? {} : { error }),
    ...(output === '' ? {} : { output: output.slice(0, OUTPUT_MAX) }),
  };
  const body =
    status === 'completed' ? `${handler} completed` : `ERROR: ${handler} ${status} (${exit}): ${error ?? ''}`;
  await closeWorktrees(ports, id);
  await journal.commit(factOf(activation, 'HANDLER_FINISHED', data, body));
  return { activation: id, status };
};

/** How a walk that threw ends: as its cancelling, as a wait, as a failure; or undefined: it stops here. */
const endOf = (error: unknown, stop: Stop): End | undefined => {
  if (error instanceof Interrupted)
    return error.by === stop && stop.reason?.startsWith(CANCELLED)
      ? { status: 'cancelled', exit: 1, error: stop.reason.slice(CANCELLED.length) }
      : undefined;
  const { code, exit, message } = toConductorError(error);
  return code === 'storage' || code === 'stopped' ? undefined : { status: 'failed', exit, error: message };
};

const goOn = async (
  carrying: Carrying,
  activation: Activation,
  walk: Walk,
  stop: Stop,
  begun: () => void,
): Promise<Outcome> => {
  const found = treeOf(carrying.ports, activation, walk.event);
  const { activation: id, handler: name } = activation;
  if ('missing' in found) {
    if (!found.park)
      return end(carrying.ports, activation, walk.journal, { status: 'failed', exit: 3, error: found.missing });
    const data = { activation: id, handler: name, reason: found.missing };
    await walk.journal.commit(walk.fact('HANDLER_PARKED', data, `ERROR: parked: ${found.missing}`));
    return { activation: id, status: 'parked' };
  }
  const { handler } = found;
  await waitForOthers(carrying, activation, walk.event, stop, begun);
  if (activation.hash === undefined)
    walk.journal.defer(
      walk.fact(
        'HANDLER_STARTED',
        { activation: id, handler: handler.name, hash: handler.hash },
        `${handler.name} starts (${handler.hash})`,
      ),
    );
  const outcome = await walk.whole(handler);
  const how: End =
    outcome.status === 'failed'
      ? { status: 'failed', exit: outcome.exit, ...(outcome.error === undefined ? {} : { error: outcome.error }) }
      : { status: 'completed', exit: 0, output: outcome.output };
  await walk.checkpoint?.end(how.status, how.error);
  return end(carrying.ports, activation, walk.journal, how);
};

const carryOne = async (
  carrying: Carrying,
  activation: Activation,
  stop: Stop,
  begun: () => void,
): Promise<Outcome> => {
  const { cause, cancel } = activation;
  const { ledger } = carrying.ports;
  if (cancel !== undefined) {
    const journal = new Journal(ledger);
    stop.say(cancelReason(cancel));
    await stopRuns(carrying, activation, journal, stop.reason ?? '');
    return end(carrying.ports, activation, journal, { status: 'cancelled', exit: 1, error: cancel });
  }
  if (!cause)
    return end(carrying.ports, activation, new Journal(ledger), {
      status: 'failed',
      exit: 1,
      error: 'the event is no longer on the bus',
    });
  const walk = new Walk(carrying, activation, stop, cause, begun);
  try {
    return await goOn(carrying, activation, walk, stop, begun);
  } catch (error) {
    const waits = walk.waitsAfter(error);
    const how = endOf(error, stop);
    // What is said of it on the bus comes first: nobody believes a checkpoint.
    await walk.journal.commit().catch((failed: unknown) => {
      if (waits || toConductorError(failed).code === 'storage') throw failed;
    });
    if (waits) return { activation: activation.activation, status: 'waiting', waits };
    await walk.checkpoint?.end(how?.status ?? 'stopped', how?.error);
    if (how) return await end(carrying.ports, activation, new Journal(ledger), how);
    if (error instanceof Interrupted || toConductorError(error).code === 'stopped')
      return { activation: activation.activation, status: 'stopped' };
    throw error;
  } finally {
    walk.close();
  }
};

/**
 * Carries one activation to its end, or to where it stops. Finished steps are not run again. Never rejects. `begun` is
 * called when its beginning is durable, or it waits for other tasks.
 */
export const carry = async (
  carrying: Carrying,
  activation: Activation,
  stop: Stop,
  begun: () => void,
): Promise<Outcome> => {
  try {
    return await carryOne(carrying, activation, stop, begun);
  } catch (error) {
    return { activation: activation.activation, status: 'stalled', error: toConductorError(error).message };
  }
};
