import type { RunInfo, RunScope } from '../run.js';

export interface Runs {
  /** Creates `runs/<project>/<task>/<run_id>/` with prompt.md and run-info.yaml. Returns its absolute folder. */
  create(info: RunInfo, prompt: string): Promise<string>;
  update(info: RunInfo): Promise<void>;
  find(scope: { project_id: string; task_id: string; run_id: string }): Promise<RunInfo | undefined>;
  /** Newest first. `latest`: of each task only the newest. */
  list(filter?: {
    project_id?: string;
    task_id?: string;
    status?: RunInfo['status'];
    latest?: boolean;
  }): AsyncIterable<RunInfo>;
  folder(scope: { project_id: string; task_id: string; run_id?: string }): string;
  /** Removes the folder of a run, or of a task with all its runs. */
  remove(scope: { project_id: string; task_id: string; run_id?: string }): Promise<void>;
}

/** Who carries the loop of a task: one process at a time, until it gives it up or dies. */
export interface LoopClaims {
  /** Undefined when another has it. Returns the way to give it up. */
  take(task: { project_id: string; task_id: string }): (() => void) | undefined;
}

/** A run that waits for a slot. */
export interface Waiting extends RunScope {
  agent: string;
  priority: number;
  /** Milliseconds since the epoch. */
  since: number;
  pid: number;
}

export type SlotRequest = RunScope & { agent: string; parent_run_id?: string; priority?: number };

/** First byte and length of a range of a file. */
export type LockPlace = readonly [number, number];

export interface Slot {
  /** Inherited by the run, so the slot lives as long as the agent. */
  readonly fd: number;
  /** From now on whoever locks this place of `seat` shared holds the slot beside us. */
  share(): LockPlace;
  release(): Promise<void>;
}

export interface Slots {
  /** Waits for one of the root's slots, or for that of the parent run, which it lends to one child at a time. */
  acquire(request: SlotRequest, signal?: AbortSignal): Promise<Slot>;
  /** The file of the locks: opened anew and inherited by a run, it can come to hold a slot later. Undefined where that cannot be. */
  seat(): string | undefined;
  /** Who waits, of all processes, in the order in which they will be served. */
  waiting(): Waiting[];
  /** False when the run does not wait. */
  move(run_id: string, priority: number): boolean;
  /** The waiter is told that it was stopped. False when the run does not wait. */
  cancel(run_id: string): boolean;
}

/** A run's own token: it names the run, and is good while the run lives. */
export interface Tickets {
  issue(run: RunScope): string;
  /** The run a ticket was issued to; undefined when it is none of ours. Whether the run still lives is for the caller to ask. */
  check(ticket: string): RunScope | undefined;
}
