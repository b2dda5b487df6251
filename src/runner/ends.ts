import { open, readFile } from 'node:fs/promises';
import { toConductorError, type ConductorError, type ErrorCode } from '../core/errors.js';
import type { Clock, Runs } from '../core/ports.js';
import { spentOf, type FailureClass, type RunEnd, type RunInfo, type Spent } from '../core/run.js';
import type { Budgets } from './budgets.js';
import { rawFolder } from './raw-folder.js';
import { settleOutput, withoutReport } from './report.js';
import type { Mark } from './sweep.js';
import type { Trees } from './trees.js';

const CLASSES = ['transient', 'permanent', 'configuration'] as const;
const EXIT: Record<FailureClass, 1 | 2 | 3> = { transient: 1, permanent: 2, configuration: 3 };

const classOf = (exit: number): FailureClass => CLASSES[exit - 1] ?? 'transient';

export interface Ending {
  class: FailureClass;
  reason: string;
  message: string;
}

/** The failure of an attempt that no process was started for, or that can no longer be followed. */
export const failedEnd = (run_id: string, ending: Ending, duration_ms = 0, output = ''): RunEnd => ({
  kind: 'end',
  run_id,
  status: 'failed',
  exit: EXIT[ending.class],
  class: ending.class,
  exit_code: -1,
  reason: ending.reason,
  output,
  stderr: '',
  error_summary: ending.message,
  duration_ms,
});

const REASONS: Partial<Record<ErrorCode, (error: ConductorError) => string>> = {
  stopped: ({ message }) => message,
  over_budget: () => 'budget',
};

/** Of the error or of what it came of. */
const isOfFullDisk = (error: unknown): boolean =>
  error instanceof Error &&
  (['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '') || isOfFullDisk(error.cause));

/** What was thrown on the way to the start. */
export const neverStarted = (error: unknown): Ending => {
  if (isOfFullDisk(error)) return { class: 'transient', reason: 'no_room', message: toConductorError(error).message };
  const known = toConductorError(error);
  const kind: FailureClass = known.exit === 3 ? 'configuration' : known.exit === 2 ? 'permanent' : 'transient';
  return { class: kind, reason: REASONS[known.code]?.(known) ?? 'never_started', message: known.message };
};

interface Ended {
  rootPath: string;
  clock: Pick<Clock, 'now'>;
  budgets: Budgets;
}

/** The last of a run, whatever became of it: the one above it hears what it used up, and what is only for living runs goes. */
export const conclude = (
  { rootPath, clock, budgets }: Ended,
  { run_id, parent_run_id }: Pick<RunInfo, 'run_id' | 'parent_run_id'>,
  spent: Spent | undefined,
): void => {
  if (parent_run_id !== undefined) rawFolder(rootPath, parent_run_id).childEnded({ run_id, to: clock.now(), spent });
  rawFolder(rootPath, run_id).remove();
  budgets.close(run_id);
};

/** Leaves the same files as any other run's end does. */
export const endWithout = async (
  ports: Ended & { runs: Runs; redact: (text: string) => string },
  info: RunInfo,
  given: Ending,
): Promise<RunEnd> => {
  const ended = ports.clock.now();
  const ending = { ...given, message: ports.redact(given.message) };
  const duration_ms = Math.max(0, ended - Date.parse(info.start_time));
  const end_time = new Date(ended).toISOString();
  const exit_code = EXIT[ending.class];
  let output = '';
  try {
    if (ending.reason === 'no_room') {
      // It may be tried often, and each folder would take of the room that is missing.
      await ports.runs.remove(info);
    } else {
      for (const path of [info.stdout_path, info.stderr_path]) await (await open(path, 'a')).close();
      const failure = { info, duration_ms, ended: end_time, exit_code: -1, stderr: '', ...ending };
      output = await settleOutput(info, undefined, failure, ports.redact);
      await ports.runs.update({ ...info, error_summary: ending.message, end_time, exit_code, status: 'failed' });
    }
  } catch {
    // The disk is what failed: the answer is all that we can still give.
  }
  conclude(ports, info, undefined);
  return failedEnd(info.run_id, ending, duration_ms, output);
};

/** What run-info.yaml says of a run that has ended already. */
export const remember = async (info: RunInfo): Promise<RunEnd> => {
  const failed = info.status !== 'completed';
  const exit = failed ? (([1, 2, 3] as const).find((code) => code === info.exit_code) ?? 1) : 0;
  const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
  return {
    kind: 'end',
    run_id: info.run_id,
    status: failed ? 'failed' : 'completed',
    exit,
    ...(failed ? { class: classOf(exit) } : {}),
    exit_code: failed ? -1 : 0,
    output: failed ? withoutReport(await read(info.output_path)) : await read(info.output_path),
    stderr: (await read(info.stderr_path)).slice(-8 * 1024),
    ...(info.signal === undefined ? {} : { signal: info.signal }),
    ...(info.error_summary === undefined ? {} : { error_summary: info.error_summary }),
    ...(info.session_id === undefined ? {} : { session_id: info.session_id }),
    ...(info.model === undefined ? {} : { model: info.model }),
    ...(info.usage === undefined ? {} : { usage: info.usage }),
    ...(info.cost_usd === undefined ? {} : { cost_usd: info.cost_usd }),
    ...(info.commits === undefined ? {} : { commits: info.commits }),
    duration_ms: Math.max(0, Date.parse(info.end_time) - Date.parse(info.start_time)),
  };
};

/** The same of one whose owner died before it took away what is only for living runs. */
export const rememberEnded = (ports: Ended, info: RunInfo): Promise<RunEnd> => {
  conclude(ports, info, spentOf(info));
  return remember(info);
};

/** Of a run that we can no longer follow: it must not go on unseen. */
export const lose = async (
  ports: Parameters<typeof endWithout>[0] & { trees: Trees },
  mark: Mark | undefined,
  info: RunInfo,
  error: unknown,
): Promise<RunEnd> => {
  if (mark) await ports.trees.end(mark);
  return endWithout(ports, info, { class: 'transient', reason: 'lost', message: toConductorError(error).message });
};
