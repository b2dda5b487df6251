import type { Draft, Event } from '../core/event.js';
import type { Handler, Step } from '../core/handler.js';
import type { Activation } from '../core/ledger-view.js';
import type { Agents, Bus, Handlers, Ledger, Log, Notifier, Runs, Workspaces } from '../core/ports.js';
import type { Barriers } from './barriers.js';
import type { Chains } from './chains.js';
import type { Journal } from './journal.js';
import type { AttemptPorts } from './run-attempts.js';
import type { Rest } from './rest.js';
import type { Outcome, Variables } from './scope.js';
import type { StepCache } from './step-cache.js';
import type { Stop } from './stop.js';
import type { Wakes } from './wakes.js';

export interface PipelinePorts extends AttemptPorts {
  bus: Bus;
  ledger: Ledger;
  agents: Agents;
  runs: Runs;
  workspaces: Workspaces;
  notifier: Notifier;
  log: Log;
  /** Of random letters: fences data in prompts. */
  nonce(): string;
  defaults: { timeout_ms: number; cwd: string };
  /** The folder a repository or a trusted path of the event means; undefined: none. */
  folderFor(event: Event): string | undefined;
  /** Told to shell steps; no secrets. */
  environmentFor(event: Event): Readonly<Record<string, string>>;
  /** Where results of cached steps lie. */
  cacheFolder: string;
}

/** What surrounds a step. */
export interface Frame {
  variables: Variables;
  stop: Stop;
  /** Of the nearest `parallel`. */
  barriers?: Barriers;
  /** The group above has finished: steps are looked up, and none is run. */
  replay: boolean;
  /** Handlers called on the way here. */
  calls: readonly string[];
  /** Of the handler whose steps these are. */
  handler: Handler;
  /** The worktree that they share. */
  folder?: string;
  /** Each lane of the group gets a worktree. */
  lanes?: true;
}

/** One activation at work. */
export interface Context {
  ports: PipelinePorts;
  handlers: Handlers;
  id: string;
  event: Event;
  /** As it is folded now. */
  readonly activation: Activation;
  journal: Journal;
  cache: StepCache;
  wakes: Wakes;
  chains: Chains;
  /** Told what waits, so that a walk that only waits can be dropped. */
  rest: Rest;
  /** Said when nothing new is to begin; what runs may end. */
  drain: Stop;
  /** Resolves when work may begin: not while the conductor is paused. @throws Interrupted */
  gate(stop: Stop): Promise<void>;
  /** A fact about this activation. */
  fact(type: string, data: Record<string, unknown>, body: string): Draft;
  /** A step ended just now; for the checkpoint. */
  progress(path: string, outcome: Outcome): void;
  /** For groups: the steps below. */
  run(step: Step, path: string, frame: Frame): Promise<Outcome>;
  /** One after the other: the last one's result, or the first failure, whose `error` names its step. */
  runAll(steps: readonly Step[], prefix: string, frame: Frame): Promise<Outcome>;
}

/** One step to be run. A kernel step resolves with how it ended, and rejects with Interrupted. */
export interface Call<Kind extends Step> {
  context: Context;
  step: Kind;
  path: string;
  frame: Frame;
}
