import type { Event, Trust } from './event.js';
import type { Window } from './flow/window.js';
import type { Windows } from './flow/windows.js';
import type { Pattern } from './pattern.js';
import type { Loop } from './loop.js';
import type { Refused } from './refusals.js';
import type { FailureClass } from './run.js';

/** One rule that fired for one event, as ROUTED says it. */
export interface Fired {
  /** `<rule>/<msg_id>`. */
  activation: string;
  rule: string;
  event: string;
  handler: string;
  project_id: string;
  task_id: string;
  depth: number;
  trust: Trust;
  /** The event from outside that the chain began with. */
  root: string;
  with?: Record<string, unknown>;
  /** Set when several events were folded into this one start: how many, and the newest of them by id. */
  folded?: { count: number; events: string[] };
  /** So many activations of one group at a time, and what becomes of one more. */
  concurrency?: { group: string; limit: number; on_conflict: 'queue' | 'skip' | 'supersede' };
  /** 0 to 100, the higher the sooner; 50 where it is missing. */
  priority?: number;
  usd_per_run?: number;
  usd_per_day?: number;
  /** Whose budget a day it is where each key of the rule has its own: `<rule> for <key>`. */
  budget?: string;
}

export type SuppressionReason =
  | 'throttled'
  | 'correlated'
  | 'sustained'
  | 'actor'
  | 'depth'
  | 'expired'
  | 'chain'
  | 'breaker'
  | 'budget'
  | 'max_fires'
  | 'concurrency'
  | 'queue_full'
  | 'rule_gone';

/** An event that a window of a rule keeps. */
export interface Held {
  rule: string;
  event: string;
  stage: Window['stage'];
  detail: string;
}

/** Data of ROUTED: the router's one record a batch, and its cursor. */
export interface Routed {
  from: string;
  to: string;
  /** The last message of the batch; missing where a window was due and nothing came. */
  last?: string;
  table: string;
  events: number;
  fired: Fired[];
  held: Held[];
  suppressed: { rule: string; event: string; reason: SuppressionReason; detail: string }[];
  errors: { rule: string; event: string; message: string }[];
  /** Every window that changed, as it is afterwards, by id; null where nothing is left of it. */
  windows: Record<string, Window | null>;
}

/** Data of STEP_FINISHED. */
export interface StepResult {
  activation: string;
  /** Path in the tree, as `0.test`. */
  step: string;
  status: 'completed' | 'failed' | 'skipped';
  attempts: number;
  output: string;
  /** The last 8 KiB of it, where something failed. */
  stderr?: string;
  data?: unknown;
  run_id?: string;
  exit: 0 | 1 | 2 | 3;
  class?: FailureClass;
  error?: string;
  /** It failed, and the handler goes on all the same. */
  tolerated?: boolean;
  /** The run whose result was taken from the cache. */
  cached?: string;
  /** The worktree that was kept, for it holds work. Absolute. */
  worktree?: string;
}

/** Data of RUN_START. */
export interface RunStarted {
  run_id: string;
  project_id: string;
  task_id: string;
  agent: string;
  cwd: string;
  depth: number;
  attempt: number;
  parent_run_id?: string;
  root?: string;
  activation?: string;
  step?: string;
  /** Whose turn it was in this one. */
  pool?: string;
  /** Whose budget a day it spends from, where its rule has one: the rule, or `<rule> for <key>`. */
  budget?: string;
}

/**
 * What a step must remember of its beginning: data of STEP_STARTED, and of APPROVAL_REQUESTED as it is folded in.
 * `answer` is folded in when an event that fits, or a decision, comes.
 */
export interface StepStarted {
  activation: string;
  step: string;
  kind: 'deadline' | 'timer' | 'event' | 'approval' | 'items' | 'call';
  /** RFC 3339: when a deadline, timer or wait ends. */
  until?: string;
  items?: readonly unknown[];
  /** The handler that is called, and the tree that it was called with; no hash: the one of now is taken. */
  handler?: string;
  hash?: string;
  types?: readonly string[];
  match?: Readonly<Record<string, Pattern>>;
  when?: string;
  question?: string;
  answer?: Answer;
}

/** The event that ended a wait. */
export type Answer = Pick<Event, 'msg_id' | 'ts' | 'type' | 'body' | 'data' | 'project_id' | 'actor' | 'source'>;

/** Data of HANDLER_REQUESTED: a handler that somebody asks for by hand, with the event that it is to answer. */
export interface HandlerRequested {
  handler: string;
  /** Absolute. */
  cwd: string;
  event: { type: string; data: Readonly<Record<string, unknown>>; body: string };
  with?: Record<string, unknown>;
}

/** Data of HANDLER_STARTED and HANDLER_RESUMED: which tree carries the activation. */
export interface HandlerStarted {
  activation: string;
  handler: string;
  hash: string;
  /** Steps that call handlers, which go on with those as they are now. */
  calls?: readonly string[];
}

export interface Activation extends Fired {
  status: 'open' | 'completed' | 'failed' | 'cancelled';
  /** The meaning of its end, 0 to 3. */
  exit?: number;
  error?: string;
  /** A run of it was started. */
  begun?: true;
  /** It failed because somebody stopped its task. */
  stopped?: true;
  /** Kept while the activation is open or has failed: then it can be resumed. */
  cause?: Event;
  steps: Map<string, StepResult>;
  /** Of the tree it was begun with; undefined before. */
  hash?: string;
  started: Map<string, StepStarted>;
  /** The newest run of each process step that has not finished. */
  attempts: Map<string, { run_id: string; attempt: number }>;
  /** Why it is to be cancelled. */
  cancel?: string;
  /** Why it goes on only when it is resumed. */
  parked?: string;
  /** Where it was asked for by hand: its steps work there. */
  folder?: string;
  /** Open, but others of its group come first. */
  queued?: true;
  /** Runs started for it. */
  runs?: number;
}

/** What was used up on one day. */
export interface DayUse {
  /** UTC, `2026-11-21`; the two below are of this day. */
  day: string;
  runs_today: number;
  usd_today: number;
}

/** What is counted of a rule, and whether it was switched. */
export interface RuleState extends DayUse {
  fired: number;
  held: number;
  suppressed: number;
  errors: number;
  /** RFC 3339. */
  last_fired?: string;
  /** Said at run time, and stronger than the file. `until` (ms): then it is asked again. */
  switched?: { on: boolean; reason: string; until?: number; at: number };
}

/** Who is at work for one concurrency key, and who waits: activation keys. */
export interface Group {
  active: Set<string>;
  queue: string[];
}

/** A task that was said to wait for others. */
export interface Waiting {
  project_id: string;
  task_id: string;
  /** `project/task` each. */
  depends_on: readonly string[];
  ts: string;
  /** Why it will never start. */
  error?: string;
}

/** Events that wait for their decision, in bus order. */
export interface UndecidedEvents {
  readonly size: number;
  /** Id of the oldest. */
  readonly first: string | undefined;
  get(msg_id: string): Event | undefined;
  add(event: Event): void;
  /** From the oldest on, up to the first that came after this message. */
  removeTo(msg_id: string): void;
  clear(): void;
  /** Oldest first. */
  values(): Iterable<Event>;
}

export interface LedgerView {
  paused: boolean;
  /** Just after the last event that ROUTED decided; undefined before the first. */
  routed_to: string | undefined;
  activations: Map<string, Activation>;
  /** Those that have not ended. */
  open: Set<string>;
  /** Those that failed and can be resumed, oldest first. */
  resumable: Set<string>;
  /** Activations that may begin and have not. */
  ready: Set<string>;
  /** Steps that wait for an event, by its type, as `<activation>\n<step>`. */
  waits: Map<string, Set<string>>;
  /** Runs that were started and have not ended. */
  runs: Map<string, RunStarted>;
  /** By `project/task`, until a run of it starts. */
  waiting: Map<string, Waiting>;
  /** Loops, by `project/task`; of those that have ended the newest 1,000. */
  loops: Map<string, Loop>;
  /** Runs started a root event. */
  chains: Map<string, number>;
  /** By `<rule>\n<stage>\n<key>`. */
  windows: Windows;
  groups: Map<string, Group>;
  rules: Map<string, RuleState>;
  /** Of rules whose keys have budgets of their own, by `<rule> for <key>`. */
  budgets: Map<string, DayUse>;
  undecided: UndecidedEvents;
  /** Newest facts of our own that a rule may name, for whoever answers them. */
  facts: Map<string, Event>;
  /** Events that a window would start with, by id. */
  held: Map<string, { event: Event; windows: number }>;
  /** Files that were refused and are not good again. */
  refused: Refused;
  /** Commits that runs made, to the run. */
  commits: Map<string, string>;
  /** The newest slot each timer said, RFC 3339. */
  timers: Map<string, string>;
  /** Depth and root of runs, for what they say on the bus. */
  lineage: Map<string, { depth: number; root?: string; trust: Trust }>;
  /** Of the newest events that are not trusted roots, for those that name them as their cause. */
  causes: Map<string, { depth: number; root: string; trust: Trust }>;
}
