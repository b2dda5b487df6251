import { setTimeout as delay } from 'node:timers/promises';
import type { Clock, Runner, Runs } from '../core/ports.js';
import type { AgentEvent, RunEnd, RunInfo } from '../core/run.js';
import type { Budgets } from './budgets.js';
import { describeRun } from './describe.js';
import { endWithout, failedEnd, lose, remember, rememberEnded } from './ends.js';
import { identify } from './identify.js';
import { becomeOwner } from './owner-lock.js';
import { isAlive, untilGone } from './processes.js';
import { rawFolder, type RawFolder } from './raw-folder.js';
import { stopForeign } from './stop.js';
import { supervise, type Supervision } from './supervise.js';
import type { Mark } from './sweep.js';
import type { Trees } from './trees.js';

/** How to end a run at whatever point it is. */
export interface Taken {
  abort: AbortController;
  reason: string | undefined;
  mark: Mark | undefined;
}

export interface AdoptPorts {
  rootPath: string;
  runs: Runs;
  clock: Clock;
  redact: (text: string) => string;
  trees: Trees;
  budgets: Budgets;
  stopChild: Supervision['stopChild'];
  turn: Supervision['turn'];
}

const LOOK_MS = 500;

/** Where its number means nothing here, a run is over when its shim wrote the code, or nobody carries its mark. */
const untilOver = async (trees: Trees, mark: Mark, raw: RawFolder): Promise<void> => {
  if (mark.pid > 0) return untilGone(mark.pid, mark.pid_start);
  while (raw.exitCode() === undefined && !(await trees.isEmpty(mark))) await delay(LOOK_MS);
};

/** A run whose starter is gone: a living agent is followed to its end, a dead one's result is found. */
export const adoptRun = async (
  ports: AdoptPorts,
  given: Parameters<Runner['adopt']>[0],
  emit: (event: AgentEvent) => void,
  mine: Taken,
): Promise<RunEnd> => {
  const { rootPath, runs } = ports;
  const raw = rawFolder(rootPath, given.run_id);
  const find = async (): Promise<RunInfo | undefined> => runs.find(given).catch(() => undefined);
  const before = await find();
  if (before && before.status !== 'running' && !raw.exists()) return remember(before);
  raw.make();
  const disown = await becomeOwner(raw.owner, mine.abort.signal);
  if (!disown) {
    const known = await find();
    if (known && known.status !== 'running') return remember(known);
    if (mine.reason !== undefined) await stopForeign(ports, given, mine.reason);
    const message = 'another process has it';
    return failedEnd(given.run_id, { class: 'transient', reason: mine.reason ?? 'lost', message });
  }
  const blank = describeRun(ports, { trust: 'full', timeout_ms: 0, ...given });
  let latest = blank;
  try {
    const known = await find();
    if (known && known.status !== 'running') return await rememberEnded(ports, known);
    // Its starter died after it had said that it would start, and before it made the folder; or the folder was lost.
    if (known === undefined) await runs.create(blank, '').catch(() => runs.update(blank));
    latest = known ?? blank;
    const note = raw.note();
    const mark = identify(rootPath, latest, raw);
    const info = mark.pid > 0 ? { ...latest, pid: mark.pid, pgid: mark.pid } : latest;
    if (note === undefined || (!raw.hasBegun() && !isAlive(mark.pid, mark.pid_start))) {
      const message = 'whoever started it died before it began';
      return await endWithout(ports, latest, { class: 'transient', reason: 'never_started', message });
    }
    mine.mark = mark;
    if (mine.reason !== undefined) {
      raw.wantStop(mine.reason);
      void ports.trees.end(mark);
    }
    const { clock, redact, trees, budgets, stopChild, turn } = ports;
    const { family, limits, price, cost_before, tokens_before } = note;
    const before = {
      ...(cost_before === undefined ? {} : { cost_before }),
      ...(tokens_before === undefined ? {} : { tokens_before }),
    };
    const ended = untilOver(trees, mark, raw);
    return await supervise({
      clock,
      runs,
      redact,
      info,
      raw,
      family,
      limits,
      before,
      price,
      budgets,
      mark,
      trees,
      ended,
      endTime: raw.exitTime,
      turn,
      emit,
      stopChild,
    });
  } catch (error) {
    return await lose(ports, mine.mark, latest, error);
  } finally {
    disown();
  }
};
