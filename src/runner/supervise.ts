import { setTimeout as delay } from 'node:timers/promises';
import type { Clock, Runs } from '../core/ports.js';
import type { AgentEvent, RunEnd, RunInfo } from '../core/run.js';
import { classify, signalOf } from './classify.js';
import { createListener } from './listener.js';
import { isAlive } from './processes.js';
import type { RawFolder } from './raw-folder.js';
import { settleOutput } from './report.js';
import type { Family } from './streams/family.js';
import { endTree, sweep, type Mark } from './sweep.js';
import { keepPulling, openTail } from './tail.js';

export interface Supervision {
  clock: Clock;
  runs: Runs;
  redact: (text: string) => string;
  info: RunInfo;
  raw: RawFolder;
  family: Family | undefined;
  mark: Mark;
  /** Resolves when the shim is gone. */
  ended: Promise<void>;
  emit: (event: AgentEvent) => void;
}

const POLL_MS = 100;
/** The longest timer that Node knows. */
const LONGEST_MS = 2 ** 31 - 1;

/** For a process that is not our child there is only looking. */
export const untilGone = async (pid: number, start: number | undefined): Promise<void> => {
  while (isAlive(pid, start)) await delay(POLL_MS);
};

/** Ends the run when its time is over; the time it waited for a slot lies before start_time. */
const limitTime = ({ clock, info, raw, mark }: Supervision): (() => void) => {
  const left = Date.parse(info.start_time) + info.timeout_ms - clock.now();
  const timer = clock.scheduler.schedule(
    () => {
      void raw.wantStop('timeout').then(() => endTree(mark));
    },
    Math.min(Math.max(left, 0), LONGEST_MS),
  );
  return () => timer.unsubscribe();
};

/** Follows a started run to its end, whoever started it, and leaves its folder as a finished run's must be. */
export const supervise = async (work: Supervision): Promise<RunEnd> => {
  const { clock, runs, raw, info, mark, redact } = work;
  const listener = createListener(work.family, work.emit);
  const tails = [
    await openTail({ raw: raw.stdout, copy: info.stdout_path, redact, onLine: listener.stdout }),
    await openTail({ raw: raw.stderr, copy: info.stderr_path, redact, onLine: listener.stderr }),
  ];
  const stopPulling = keepPulling(tails, raw.stdout, (error) =>
    work.emit({ kind: 'warning', message: `cannot follow its output: ${String(error)}` }),
  );
  const endTimeLimit = limitTime(work);
  try {
    await work.ended;
  } finally {
    endTimeLimit();
    stopPulling();
  }
  // After every run, a good one too: some agents leave daemons behind.
  await sweep(mark);
  for (const tail of tails) await tail.close();

  const { heard } = listener;
  const exit_code = (await raw.exitCode()) ?? -1;
  const stopped = await raw.stopReason();
  const meaning = classify({
    speaks: work.family !== undefined,
    exit_code,
    result: heard.result,
    errors: heard.errors,
    stderr: heard.stderr,
    stopped,
  });
  const ended = clock.now();
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
  const output = await settleOutput(info, heard.finalText, failure);
  const signal = signalOf(exit_code);
  const learnt = {
    ...(signal === undefined ? {} : { signal }),
    ...(meaning.error_summary === undefined ? {} : { error_summary: meaning.error_summary }),
    ...(heard.session_id === undefined ? {} : { session_id: heard.session_id }),
    ...(heard.model === undefined ? {} : { model: heard.model }),
    ...(heard.usage === undefined ? {} : { usage: heard.usage }),
    ...(heard.cost_usd === undefined ? {} : { cost_usd: heard.cost_usd }),
  };
  await runs.update({ ...info, ...learnt, end_time, exit_code: meaning.exit, status: meaning.status });
  // Last: while it is there, an adopter can still find out everything.
  await raw.remove();
  return {
    kind: 'end',
    run_id: info.run_id,
    status: meaning.status,
    exit: meaning.exit,
    ...(meaning.class === undefined ? {} : { class: meaning.class }),
    exit_code,
    ...(meaning.reason === undefined ? {} : { reason: meaning.reason }),
    output,
    stderr: heard.stderr,
    ...learnt,
    duration_ms,
  };
};
