import type { Observable } from 'rxjs';
import type { JsonSchema } from '../handler.js';
import type { RunStarted } from '../ledger-view.js';
import type { AgentEvent, RunEnd, RunInfo, RunRequest, RunScope } from '../run.js';

export interface AttemptSpec extends RunRequest {
  run_id: string;
  /** What the process reads; default: the prompt for agents, nothing for `shell`. */
  stdin?: string;
  /** JSON Schema of the answer, for agents that can be held to one. */
  output_schema?: JsonSchema;
  previous_run_id?: string;
  activation?: string;
  step?: string;
  /** From 1. */
  attempt: number;
  /** The rule it works for, where that has a budget a day; where each key of it has its own, `<rule> for <key>`. */
  rule?: { id: string; usd_per_day: number };
  /** The agent's own session to go on with, where it can. */
  resume_session?: string;
  /** Lower goes first where runs wait for a slot; 0 to 9, default 5. */
  priority?: number;
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

export interface Agents {
  /** Throws `unknown_agent` with the known names when there is none; `configuration` when its program is missing. */
  find(name: string): AgentDescription;
  list(): readonly AgentDescription[];
  /** Of those named, the first that can run here; else the default agent, else the first of claude, codex, gemini found, else `shell`. */
  choose(names?: readonly string[]): AgentDescription;
}
