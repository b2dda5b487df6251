/**
 * The doors between the rooms. A room implements a port or is handed one; it never imports another room.
 * Whoever opens returns the way to close.
 */
import type { Observable, SchedulerLike } from 'rxjs';
import type { Draft, Event, Trust } from './event.js';
import type { Handler, JsonSchema } from './handler.js';
import type { LedgerView, RunStarted } from './ledger-view.js';
import type { RuleTable } from './rule.js';
import type { AgentEvent, RunEnd, RunInfo, RunLimits } from './run.js';

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Drives every timer of the streams; a virtual one in marble tests. */
  readonly scheduler: SchedulerLike;
}

/** Uniform in [0, 1). */
export type Random = () => number;

export interface Ids {
  /** `YYYYMMDD-HHMMSSffff-PID-SEQ`. */
  runId(): string;
  /** `<prefix>-YYYYMMDD-HHMMSS-SEQ`, unique on this machine. */
  taskId(prefix: string): string;
}

export interface Log {
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** A position in the bus. Opaque: only the bus that gave it can read it. */
export type Cursor = string;

export interface Receipt {
  msg_id: string;
  /** True when the dedupe key was known: `msg_id` is then the first message's. */
  duplicate: boolean;
}

/** A stretch of the bus that could not be read as records. */
export interface DamagedRange {
  file: string;
  /** A file's name changes when it is closed, its number never. */
  segment: number;
  from: number;
  to: number;
  reason: string;
}

export interface Batch {
  events: readonly Event[];
  /** Just after the last event. */
  cursor: Cursor;
  damaged: readonly DamagedRange[];
}

export interface BusQuery {
  /** This one alone, and nothing where there is none; found by its place, without reading what is before it. */
  msg_id?: string;
  /** After this message; `""` is the beginning. An unknown id is `not_found`. */
  since_id?: string;
  /** Only the last n that match. */
  tail?: number;
  /** Normalised types. */
  types?: readonly string[];
  project_id?: string;
  task_id?: string;
  run_id?: string;
}

export interface Bus {
  /** Resolves when durable. A reserved type is refused with `reserved_type`; nothing of the call is then written. */
  append(drafts: readonly Draft[]): Promise<Receipt[]>;
  /** As append, for our own facts: reserved types are allowed, and every record carries the root's MAC. */
  record(drafts: readonly Draft[]): Promise<Receipt[]>;
  /** Everything after the cursor (undefined: the beginning), then live, in order. Unsubscribing stops it. */
  follow(cursor?: Cursor): Observable<Batch>;
  read(query?: BusQuery): AsyncIterable<Event>;
  /** Just after the last record now. */
  end(): Promise<Cursor>;
  close(): Promise<void>;
}

/** Where a fold of the bus may go on from. A cache: without it the whole bus is folded. */
export interface CheckpointFile {
  /** Undefined where there is none that can be believed. */
  load(): Promise<Uint8Array | undefined>;
  /** Missing: whoever opened it only reads. */
  save?(content: Uint8Array): Promise<void>;
  /** Of the program: another one may fold differently. */
  version: string;
}

/** A fact is a draft of a reserved type; its shapes are in ledger-view.ts. */
export interface Ledger {
  /** The fold so far; a new object never, so read it at once and keep nothing. */
  readonly view: LedgerView;
  /** Each event after it was folded in, in bus order; hot, from the moment of subscription. */
  readonly folded$: Observable<Event>;
  /** Resolves when the message, and all before it, is folded in. */
  until(msg_id: string): Promise<void>;
  /** Resolves when the facts are durable and folded in. */
  record(facts: readonly Draft[]): Promise<Receipt[]>;
  close(): Promise<void>;
}

export interface Rules {
  readonly current: RuleTable;
  /** The current table at once, then each later one that was good. */
  readonly changes$: Observable<RuleTable>;
  close(): Promise<void>;
}

export interface Handlers {
  find(name: string): Handler | undefined;
  list(): readonly Handler[];
  /** Of a YAML tree, also one that a file no longer holds: a change never touches a running activation. */
  byHash(hash: string): Handler | undefined;
  /** After each reading of the folder that was good. */
  readonly changes$: Observable<void>;
  close(): Promise<void>;
}

/** Bytes too large for a record, kept by their hash. */
export interface Blobs {
  /** Resolves when durable; a record that names them is appended afterwards. `storage` when they cannot be. */
  put(bytes: Uint8Array): Promise<{ sha256: string; bytes: number }>;
  get(sha256: string): Promise<Uint8Array | undefined>;
}

/** Drafts from outside, and the answer to whoever sent them. */
export interface Arrival {
  drafts: readonly Draft[];
  /** Called once: with receipts when the drafts are durable, else with what went wrong. */
  settle?(outcome: { receipts: readonly Receipt[] } | { error: unknown }): void;
}

export interface Source {
  readonly name: string;
  /** One line for people: what it watches. */
  readonly description: string;
  /** Cold: subscribing opens, unsubscribing closes. */
  open(): Observable<Arrival>;
}

export interface AttemptSpec {
  run_id: string;
  project_id: string;
  task_id: string;
  /** A backend or a named agent of the configuration. */
  agent: string;
  prompt: string;
  /** What the process reads; default: the prompt for agents, nothing for `shell`. */
  stdin?: string;
  /** JSON Schema of the answer, for agents that can be held to one. */
  output_schema?: JsonSchema;
  cwd: string;
  /** Added to the allow-listed environment; event data goes here or to stdin, never into a command. */
  env: Readonly<Record<string, string>>;
  timeout_ms: number;
  depth: number;
  trust: Trust;
  parent_run_id?: string;
  previous_run_id?: string;
  activation?: string;
  step?: string;
  /** From 1. */
  attempt: number;
  /** Beside its time; the agent's own limits hold too. */
  limits?: RunLimits;
  /** The agent's own session to go on with, where it can. */
  resume_session?: string;
  /** Lower goes first where runs wait for a slot; 0 to 9, default 5. */
  priority?: number;
}

export interface RunScope {
  run_id: string;
  project_id: string;
  task_id: string;
}

export interface Runner {
  /** One attempt at one agent: events, then exactly one RunEnd. Cold. Unsubscribing stops the run. A failure is a RunEnd, never an error. */
  attempt(spec: AttemptSpec): Observable<AgentEvent | RunEnd>;
  /** A run that was started by a process that is gone: adopts a living agent, finds a dead one's result. Same contract. */
  adopt(run: RunStarted | RunInfo): Observable<AgentEvent | RunEnd>;
  /** `owned`: a living process reports the run; `orphaned`: it died; `unclaimed`: nobody has begun it, or it has ended. */
  ownership(run: RunScope): 'owned' | 'orphaned' | 'unclaimed';
  /** Ends the run's whole process tree; resolves when nothing of it is left and, if the run is this process's, its end was said. */
  stop(run: RunScope, reason: string): Promise<void>;
  /** Lets go of what was prepared for runs to come. Those that live go on. */
  close(): Promise<void>;
}

export interface AgentDescription {
  /** The name it is called by. */
  name: string;
  backend: string;
  /** Absolute path of its program, where it has one and it was found. */
  program?: string;
  timeout_ms?: number;
  /** Tried in this order when its quota is used up. */
  fallback?: readonly string[];
  /** It can go on with an earlier session. */
  resumes?: boolean;
  /** It is one of these each time. Without weights: in turn. */
  pool?: { members: readonly string[]; weights?: readonly number[] };
}

/** Who does a run, of those that may. */
export interface Chooser {
  /** Of a pool one of its members, of an agent that keeps failing its fallback, else the agent itself. */
  choose(name: string): Promise<{
    agent: string;
    pool?: string;
    /** Why it is not the one that was named. */
    instead?: { of: string; until: string };
  }>;
}

export interface Agents {
  /** Throws `unknown_agent` with the known names when there is none; `configuration` when its program is missing. */
  find(name: string): AgentDescription;
  list(): readonly AgentDescription[];
  /** Of those named, the first that can run here; else the default agent, else the first of claude, codex, gemini found, else `shell`. */
  choose(names?: readonly string[]): AgentDescription;
}

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

export interface Slot {
  /** Inherited by the run, so the slot lives as long as the agent. */
  readonly fd: number;
  /** `seat` holds it from now on, and is closed with it. */
  moveTo(seat: number): void;
  release(): Promise<void>;
}

export interface Slots {
  /** Waits for one of the root's slots, or for that of the parent run, which it lends to one child at a time. */
  acquire(request: SlotRequest, signal?: AbortSignal): Promise<Slot>;
  /** An open file to which a slot can be moved, to be inherited before there is one; undefined where that cannot be. */
  seat(): number | undefined;
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

export interface RunScope {
  project_id: string;
  task_id: string;
  run_id: string;
}

export interface Workspaces {
  /** Changes whenever anything in the folder does. */
  digest(folder: string): Promise<string>;
  /** For people and agents: what is uncommitted there, and the last commits; empty where there is no git. */
  summary(folder: string): Promise<string>;
  /** A worktree of the repository, at the commit (default: its HEAD), on no branch. One that is there already is given again. */
  open(worktree: { repository: string; name: string; commit?: string }): Promise<string>;
  /** Removes a worktree in which nothing would be lost; else says why it was kept. */
  close(folder: string): Promise<{ removed: true } | { removed: false; reason: string }>;
}

/** What is told to people. */
export interface Notification {
  /** The name of an action of the configuration. */
  action: string;
  message: string;
  /** The same for each try: who gets it twice knows it by this. */
  key: string;
  /** For machines: project, task, activation, event. */
  data: Readonly<Record<string, unknown>>;
}

/** `final`: trying again cannot help. */
export type Delivery = { ok: true; said: string } | { ok: false; final: boolean; error: string };

export interface Notifier {
  knows(action: string): boolean;
  /** One try. Never rejects. */
  deliver(notification: Notification, signal: AbortSignal): Promise<Delivery>;
}
