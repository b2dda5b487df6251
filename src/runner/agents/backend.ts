import type { AttemptSpec } from '../../core/ports.js';
import type { RunLimits } from '../../core/run.js';
import type { Family } from '../streams/family.js';

export interface AgentConfig {
  backend?: string | undefined;
  /** The program and its arguments, in place of the backend's own program. */
  command?: readonly string[] | undefined;
  model?: string | undefined;
  /** A file that holds the key, for agents whose key is not in our environment. */
  token_file?: string | undefined;
  limits?: RunLimits | undefined;
}

export interface LaunchContext {
  spec: AttemptSpec;
  config: AgentConfig;
  /** Absolute path, then arguments that the configuration puts first. */
  program: readonly string[];
  /** Where the shell backend's script lies. */
  scriptPath: string;
  /** We are root. */
  asRoot: boolean;
}

export interface Launch {
  argv: readonly string[];
  /** What the process reads. */
  stdin: string;
  env?: Readonly<Record<string, string>>;
  /** Written to scriptPath, executable by the owner alone. */
  script?: string;
}

/** How one kind of agent is started, and what it speaks. */
export interface Backend {
  name: string;
  /** Looked up on PATH. None: the configuration names it, or the prompt is the program. */
  program?: string;
  /** What its stdout holds; none is plain text. */
  family?: Family;
  /** Variables that may hold its credential; the first one set is passed on, and only that one. */
  keys: readonly string[];
  /** Variables without secrets that say where it finds its things. */
  settings: readonly string[];
  launch(context: LaunchContext): Launch;
}

/** What the agent CLIs read: on stdin, for one argument holds only 128 KiB. */
export const promptOf = (spec: AttemptSpec): string => spec.stdin ?? spec.prompt;
