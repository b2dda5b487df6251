import type { Clock, Runs } from '../core/ports.js';
import { spentOf, type AgentEvent, type RunEnd, type RunInfo, type RunLimits, type Spent } from '../core/run.js';
import type { Price } from './agents/backend.js';
import { ownSpending, spentBelow, type Before } from './budget.js';
import type { Budgets } from './budgets.js';
import { stopApart } from './apart.js';
import { CHILDREN_LIMIT_MS, awaitChildren, livingChildren, timeWithChildren } from './children.js';
import { classify, signalOf } from './classify.js';
import { conclude } from './ends.js';
import { createGuard } from './guard.js';
import { createListener } from './listener.js';
import type { RawFolder } from './raw-folder.js';
import { commitsSince } from './reflog.js';
import { settleOutput } from './report.js';
import type { Family } from './streams/family.js';
import type { Mark } from './sweep.js';
import { keepPulling, openTail } from './tail.js';
import type { Trees } from './trees.js';

export interface Supervision {
  clock: Clock;
  runs: Runs;
  redact: (text: string) => string;
  info: RunInfo;
  raw: RawFolder;
  family: Family | undefined;
  limits: RunLimits;
  /** To be taken off what a resumed session tells. */
  before: Before;
  price: Price | undefined;
  budgets: Budgets;
  mark: Mark;
  trees: Trees;
  /** Resolves when the shim is gone. */
  ended: Promise<void>;
  /** When that was, in ms since the epoch, of a run that may have ended before somebody looked; default: now. */
  endTime?: () => number | undefined;
  /** Waited for before each part that holds up the event loop. */
  turn: () => Promise<void>;
  emit: (event: AgentEvent) => void;
  /** Called when no process of the run is left; what is still to be written needs none. */
  gone?: () => void;
  /** Tells a child run, whoever reports it, to stop. */
  stopChild: (run_id: string, reason: string) => void;
}

const watchOver = (work: Supervision, bytes: () => number, own: () => Spent) => {
  const { clock, info, raw, mark } = work;
  return createGuard({
    clock,
    started: Date.parse(info.start_time),
    timeout_ms: info.timeout_ms,
    limits: work.limits,
    bytes,
    children() {
      const living = livingChildren(mark.rootPath, raw);
      const known = new Set(living.map(({ run_id }) => run_id));
      const counted = raw.children().filter(({ run_id, to }) => to !== undefined || known.has(run_id));
      return { waited_ms: timeWithChildren(counted, clock.now()), living: living.length > 0 };
    },
    own,
    account: work.budgets.of(info.run_id),
    end(reason) {
      raw.wantStop(reason);
      void work.trees.end(mark);
    },
  });
};

/** Children outlive their parent's process for a while, but never a parent that was stopped. */
const settleChildren = async ({ mark, raw, stopChild }: Supervision): Promise<void> => {
  const stopped = raw.stopReason() !== undefined;
  await awaitChildren(mark.rootPath, raw, stopped ? 0 : CHILDREN_LIMIT_MS, (run_id) =>
    stopChild(run_id, stopped ? 'stopped: its parent was stopped' : 'stopped: its parent has ended'),
  );
};

/** Follows a started run to its end, whoever started it, and leaves its folder as a finished run's must be. */
export const supervise = async (work: Supervision): Promise<RunEnd> => {
  const { clock, runs, raw, info, mark, redact } = work;
  await work.turn();
  let bytes = (): number => 0;
  const listener = createListener(work.family, (event) => {
    guard.heard(event);
    work.emit(event);
  });
  const used = () => ownSpending(listener.heard, work.before, work.price);
  const guard = watchOver(
    work,
    () => bytes(),
    () => spentOf(used()),
  );
  const tails = [
    openTail({ raw: raw.stdout, copy: info.stdout_path, redact, onLine: listener.stdout }),
    openTail({ raw: raw.stderr, copy: info.stderr_path, redact, onLine: listener.stderr }),
  ];
  bytes = () => tails.reduce((sum, tail) => sum + tail.bytes, 0);
  const stopPulling = keepPulling(tails, raw.stdout, guard.pulled, (error) =>
    work.emit({ kind: 'warning', message: `cannot follow its output: ${String(error)}` }),
  );
  try {
    await work.ended;
    await work.turn();
  } finally {
    guard.stop();
    stopPulling();
  }
  if (raw.children().length > 0) await settleChildren(work);
  if (raw.stopReason() !== undefined) stopApart(mark.rootPath, info.run_id);
  // After every run, a good one too: some agents leave daemons behind.
  await work.trees.sweep(mark);
  work.gone?.();
  await work.turn();
  for (const tail of tails) await tail.close();

  const { heard } = listener;
  const exit_code = raw.exitCode() ?? -1;
  const stopped = raw.stopReason();
  const meaning = classify({
    speaks: work.family !== undefined,
    exit_code,
    result: heard.result,
    errors: heard.errors,
    stderr: heard.stderr,
    stopped,
    now: clock.now(),
  });
  const ended = work.endTime?.() ?? clock.now();
  const duration_ms = Math.max(0, ended - Date.parse(info.start_time));
  const end_time = new Date(ended).toISOString();
  const failure =
    meaning.class === undefined
      ? undefined
      : {
          info,
          exit_code,
          duration_ms,
          ended: end_time,
          class: meaning.class,
          message: meaning.error_summary ?? '',
          stderr: heard.stderr,
        };
  const output = await settleOutput(info, heard.finalText, failure, redact);
  const signal = signalOf(exit_code);
  const reflog = raw.note()?.reflog;
  const commits = reflog ? commitsSince(reflog) : [];
  const learnt = {
    ...(signal === undefined ? {} : { signal }),
    ...(meaning.error_summary === undefined ? {} : { error_summary: meaning.error_summary }),
    ...(heard.session_id === undefined ? {} : { session_id: heard.session_id }),
    ...(heard.model === undefined ? {} : { model: heard.model }),
    ...used(),
    ...(commits.length === 0 ? {} : { commits }),
  };
  await runs.update({ ...info, ...learnt, end_time, exit_code: meaning.exit, status: meaning.status });
  const below = spentBelow(raw);
  const end: RunEnd = {
    kind: 'end',
    run_id: info.run_id,
    status: meaning.status,
    exit: meaning.exit,
    ...(meaning.class === undefined ? {} : { class: meaning.class }),
    exit_code,
    ...(meaning.reason === undefined ? {} : { reason: meaning.reason }),
    ...(meaning.retry_at === undefined ? {} : { retry_at: meaning.retry_at }),
    ...(heard.acted ? { acted: true } : {}),
    output,
    stderr: heard.stderr,
    ...learnt,
    ...(below.usd + below.tokens === 0 ? {} : { below }),
    duration_ms,
  };
  // Last: while its folder is there, an adopter can still find out everything.
  conclude({ ...work, rootPath: mark.rootPath }, info, spentOf(end));
  return end;
};
