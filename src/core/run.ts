import type { Trust } from './event.js';

/** Names one run. */
export interface RunScope {
  project_id: string;
  task_id: string;
  run_id: string;
}

export interface Usage {
  input_tokens?: number;
  output_tokens?: number;
}

/** What an agent does while it works, whichever family of JSONL it speaks. */
export type AgentEvent =
  /** The CLI's own session began. */
  | { kind: 'session'; session_id: string; model?: string }
  /** Text for people. `delta`: to be joined to the text before it. */
  | { kind: 'text'; text: string; delta?: boolean }
  | { kind: 'tool_call'; name: string; input: unknown }
  | { kind: 'tool_result'; name?: string; ok: boolean; output: string }
  /** `message`: of this one alone; none: of the whole run. */
  | { kind: 'usage'; usage: Usage; message?: string }
  | { kind: 'cost'; usd: number }
  /** The CLI itself tries again. */
  | { kind: 'retry'; message: string }
  | { kind: 'warning'; message: string }
  /** The terminal event of the family: `ok` is the agent's own word. */
  | { kind: 'result'; ok: boolean; text?: string; message?: string }
  | { kind: 'error'; message: string };

/** What a run may use up beside its time; none is no limit. */
export interface RunLimits {
  /** So long it may be silent, unless a child of it lives. */
  idle_ms?: number;
  /** Of stdout and stderr together. */
  output_bytes?: number;
  /** Tool calls. */
  turns?: number;
  /** Read and written, as the agent counts them; of the run and all below it. */
  tokens?: number;
  /** Of the run and all below it. */
  usd?: number;
}

/** What is asked for: by one attempt, and by a loop for each of its turns. */
export interface RunRequest {
  project_id: string;
  task_id: string;
  /** A backend or a named agent of the configuration. */
  agent: string;
  prompt: string;
  cwd: string;
  /** Added to the allow-listed environment; event data goes here or to stdin, never into a command. */
  env: Readonly<Record<string, string>>;
  /**
   * Stands in for what is passed on of our own environment: what was no secret in that of whoever asked for it, elsewhere
   * or before.
   */
  inherited?: Readonly<Record<string, string>>;
  timeout_ms: number;
  depth: number;
  trust: Trust;
  parent_run_id?: string;
  /** Beside its time; the agent's own limits hold too. */
  limits?: RunLimits;
}

/** What runs used up. */
export interface Spent {
  usd: number;
  tokens: number;
}

/** `transient` may be tried again, `permanent` and `configuration` not. */
export type FailureClass = 'transient' | 'permanent' | 'configuration';

/** How a run ended: the last thing that `attempt` and `adopt` say. */
export interface RunEnd {
  kind: 'end';
  run_id: string;
  status: 'completed' | 'failed';
  /** The meaning: 0 success, 1 retriable, 2 permanent, 3 configuration. */
  exit: 0 | 1 | 2 | 3;
  class?: FailureClass;
  /** The process's own code; −1 when it has none. */
  exit_code: number;
  signal?: string;
  /**
   * `stopped: …`, `lost`, `never_started`, `no_room` (the disk was full, and nothing was started), `rate_limit`, or what we ended it for: `timeout`, `idle`, `output`, `budget`,
   * `lingered` (it gave its result and did not go).
   */
  reason?: string;
  /** RFC 3339: when a rate limit is over, where the agent said so. */
  retry_at?: string;
  /** A tool was called: doing it all again is not harmless. */
  acted?: boolean;
  /** What output.md holds, without our report of a failure. */
  output: string;
  /** The last 8 KiB of stderr, redacted. */
  stderr: string;
  error_summary?: string;
  session_id?: string;
  model?: string;
  usage?: Usage;
  cost_usd?: number;
  /** Of the runs below it. */
  below?: Spent;
  /** Made in its working folder, oldest first, the newest 500. */
  commits?: readonly string[];
  duration_ms: number;
}

/** run-info.yaml: conductor-loop's keys in its order, then ours. */
export interface RunInfo {
  version: 1;
  run_id: string;
  parent_run_id?: string;
  previous_run_id?: string;
  project_id: string;
  task_id: string;
  agent: string;
  process_ownership: 'managed';
  /** −1 until started. */
  pid: number;
  pgid: number;
  start_time: string;
  /** `0001-01-01T00:00:00Z` while it runs. */
  end_time: string;
  /** The meaning (0 to 3); −1 while it runs. */
  exit_code: number;
  status: 'running' | 'completed' | 'failed';
  cwd: string;
  prompt_path: string;
  output_path: string;
  stdout_path: string;
  stderr_path: string;
  commandline: string;
  error_summary?: string;
  agent_version?: string;
  depth: number;
  trust: Trust;
  attempt: number;
  activation?: string;
  step?: string;
  timeout_ms: number;
  /** Start time of the process in clock ticks since boot: with the pid it is the identity. */
  pid_start?: number;
  signal?: string;
  session_id?: string;
  model?: string;
  usage?: Usage;
  cost_usd?: number;
  /** As in RunEnd. */
  commits?: readonly string[];
}

export const NOT_ENDED = '0001-01-01T00:00:00Z';

export const tokensOf = ({ input_tokens = 0, output_tokens = 0 }: Usage = {}): number => input_tokens + output_tokens;

/** Of the run and all below it. */
export const spentOf = ({ cost_usd = 0, usage, below }: Pick<RunEnd, 'cost_usd' | 'usage' | 'below'>): Spent => ({
  usd: cost_usd + (below?.usd ?? 0),
  tokens: tokensOf(usage) + (below?.tokens ?? 0),
});

/** The stricter of two sets of limits. */
export const stricter = (one: RunLimits, other: RunLimits): RunLimits => {
  const limits: RunLimits = { ...one };
  for (const key of ['idle_ms', 'output_bytes', 'turns', 'tokens', 'usd'] as const) {
    const values = [one[key], other[key]].filter((value) => value !== undefined);
    if (values.length > 0) limits[key] = Math.min(...values);
  }
  return limits;
};

/** What is left of limits after so much; `tokens` or `usd` of 0 or less: nothing. */
export const leftOf = ({ usd, tokens }: Pick<RunLimits, 'usd' | 'tokens'>, spent: Spent): RunLimits => ({
  ...(usd === undefined ? {} : { usd: usd - spent.usd }),
  ...(tokens === undefined ? {} : { tokens: tokens - spent.tokens }),
});

export const isUsedUp = ({ usd = 1, tokens = 1 }: RunLimits): boolean => usd <= 0 || tokens <= 0;
