import { z } from 'zod';
import type { Draft } from './event.js';
import type { Activation, LedgerView } from './ledger-view.js';
import type { RunInfo } from './run.js';

/** Data of TASK_REQUESTED: one run that somebody asks for, whether or not a service is there. */
export const taskRequestSchema = z.object({
  prompt: z.string().min(1),
  /** Absolute: where it was asked for. */
  cwd: z.string().startsWith('/'),
  agent: z.string().min(1),
  timeout_ms: z.int().min(1),
  /** `project/task` each: it starts when they have completed. */
  depends_on: z.array(z.string()).optional(),
  /** The run that it goes on with, and that run's session where its agent can. */
  previous_run_id: z.string().optional(),
  resume_session: z.string().optional(),
  /** The run that asked for it and may wait for it: it lends its slot. */
  parent_run_id: z.string().optional(),
});
export type TaskRequest = z.infer<typeof taskRequestSchema>;

/** The handler of a task that was asked for by hand: one step, made from the request. No file can have this name. */
export const TASK_HANDLER = 'task:run';

export type TaskStatus = 'pending' | 'running' | 'completed' | 'failed' | 'stopped';
export const TASK_STATUSES: readonly TaskStatus[] = ['pending', 'running', 'completed', 'failed', 'stopped'];

export interface Task {
  project_id: string;
  task_id: string;
  status: TaskStatus;
  /** The agent of its newest run, or the one asked for. */
  agent?: string;
  /** The rule that opened it; none for a task that was asked for. */
  rule?: string;
  /** RFC 3339: when its newest activation was opened or its newest run started. */
  since?: string;
  latest_run?: string;
  /** The meaning (0 to 3) of what ended last. */
  exit?: number;
  error?: string;
}

const statusOfRun = (run: RunInfo): TaskStatus =>
  run.status === 'running' ? (run.pid > 0 ? 'running' : 'pending') : run.status;

const ofRun = (run: RunInfo): Task => ({
  project_id: run.project_id,
  task_id: run.task_id,
  status: statusOfRun(run),
  agent: run.agent,
  since: run.start_time,
  latest_run: run.run_id,
  ...(run.error_summary === undefined ? {} : { error: run.error_summary }),
  ...(run.status === 'running' ? {} : { exit: run.exit_code }),
});

const statusOf = (activation: Activation, run: RunInfo | undefined): TaskStatus => {
  if (activation.stopped || activation.status === 'cancelled') return 'stopped';
  if (activation.status !== 'open') return activation.status;
  if (!activation.begun) return 'pending';
  // Begun, but its run still waits for a slot.
  return run?.activation === activation.activation && statusOfRun(run) === 'pending' ? 'pending' : 'running';
};

/** A run by hand, in the folder of a task that had ended before. */
const isLater = (run: RunInfo, activation: Activation): boolean =>
  activation.status !== 'open' &&
  run.activation !== activation.activation &&
  // Both ids begin with the time: MSG-YYYYMMDD-HHMMSS and YYYYMMDD-HHMMSS.
  run.run_id.slice(0, 15) > activation.event.slice(4, 19);

/** Every task of the root, from what was asked for and what ran. `runs`: the newest of each task. */
export const tasksOf = (view: LedgerView, runs: readonly RunInfo[]): Task[] => {
  const keyOf = (of: { project_id: string; task_id: string }): string => `${of.project_id}/${of.task_id}`;
  const newest = new Map(runs.map((run) => [keyOf(run), run]));
  const tasks = new Map(runs.map((run) => [keyOf(run), ofRun(run)]));
  // In bus order, so that a task's newest activation comes last.
  for (const activation of view.activations.values()) {
    const key = keyOf(activation);
    const run = newest.get(key);
    if (run && isLater(run, activation)) continue;
    const asked = activation.cause?.data['agent'];
    const ts = activation.cause?.ts;
    tasks.set(key, {
      project_id: activation.project_id,
      task_id: activation.task_id,
      ...(typeof asked === 'string' ? { agent: asked } : {}),
      ...(ts === undefined ? {} : { since: ts }),
      ...(run ? ofRun(run) : {}),
      ...(activation.exit === undefined ? {} : { exit: activation.exit }),
      ...(activation.error === undefined ? {} : { error: activation.error }),
      ...(activation.handler === TASK_HANDLER ? {} : { rule: activation.rule }),
      status: statusOf(activation, run),
    });
  }
  for (const [key, { request, ended }] of view.loops) {
    const { project_id, task_id, agent } = request;
    const known = tasks.get(key);
    // Something else was begun in its folder afterwards.
    if (ended && known?.since !== undefined && known.since > ended.ts) continue;
    const { exit: _exit, error: _error, ...run } = known ?? { project_id, task_id };
    tasks.set(key, {
      ...run,
      agent,
      status: ended?.status ?? (known ? 'running' : 'pending'),
      ...(ended?.exit === undefined ? {} : { exit: ended.exit }),
      ...(ended?.error === undefined ? {} : { error: ended.error }),
    });
  }
  for (const [key, { project_id, task_id, ts, error }] of view.waiting) {
    const known = tasks.get(key);
    if (known && !error && known.status === 'pending') continue;
    tasks.set(key, {
      project_id,
      task_id,
      since: ts,
      ...(known?.agent === undefined ? {} : { agent: known.agent }),
      ...(error === undefined ? { status: 'pending' } : { status: 'failed', error }),
    });
  }
  return [...tasks.values()];
};

/** Nothing of the task begins any more. None where nothing of it is open. */
export const stopFacts = (
  view: Pick<LedgerView, 'activations' | 'loops'>,
  { project_id, task_id }: { project_id: string; task_id: string },
  { source, reason }: { source: string; reason: string },
): Draft[] => {
  const stopped = (data: Record<string, unknown>): Draft => ({
    project_id,
    task_id,
    type: 'TASK_STOPPED',
    source,
    data: { ...data, reason },
    body: `stopped: ${reason}`,
  });
  const facts = [...view.activations.values()]
    .filter((one) => one.status === 'open' && one.project_id === project_id && one.task_id === task_id)
    .map(({ activation }) => stopped({ activation }));
  const loop = view.loops.get(`${project_id}/${task_id}`);
  return facts.length === 0 && loop && !loop.ended ? [stopped({})] : facts;
};
