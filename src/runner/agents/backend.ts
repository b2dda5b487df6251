import type { AttemptSpec } from '../../core/ports.js';
import type { RunLimits } from '../../core/run.js';
import type { Sandbox } from '../sandbox.js';
import type { Family } from '../streams/family.js';

/** US dollars a million tokens. */
export interface Price {
  input: number;
  output: number;
}

export interface AgentConfig {
  backend?: string | undefined;
  /** Other agents; each time it is one of them. */
  one_of?: readonly string[] | Readonly<Record<string, number>> | undefined;
  /** The program and its arguments, in place of the backend's own program. */
  command?: readonly string[] | undefined;
  speaks?: Family | undefined;
  model?: string | undefined;
  /** Absolute path of a text that goes before every prompt. */
  role?: string | undefined;
  tools?: 'all' | 'ask' | 'read-only' | undefined;
  env?: Readonly<Record<string, string>> | undefined;
  /** A file that holds the key, for agents whose key is not in our environment. Nobody else may read it. */
  token_file?: string | undefined;
  base_url?: string | undefined;
  fallback?: readonly string[] | undefined;
  timeout_ms?: number | undefined;
  sandbox?: Sandbox | undefined;
  limits?: RunLimits | undefined;
  price?: Price | undefined;
}

/** Of the service's tools, those that a reader may use: it speaks, and starts nothing. */
export const SPEAKING: readonly string[] = ['post_message', 'read_messages', 'ask_human', 'report_done'];

export interface LaunchContext {
  spec: AttemptSpec;
  config: AgentConfig;
  /** Absolute path, then arguments that the configuration puts first. */
  program: readonly string[];
  /** Where the shell backend's script lies. */
  scriptPath: string;
  /** Of a home of its own, where the backend has one. */
  homePath: string;
  /** We are root. */
  asRoot: boolean;
  /** It may look, and change nothing. */
  readOnly: boolean;
  /** A person is asked before it changes anything. */
  asks: boolean;
  /** Role, preamble and prompt. */
  prompt: string;
  /** Ours: what of it the backend's own settings depend on. */
  environment: NodeJS.ProcessEnv;
  /** Where the service answers the Model Context Protocol, to whoever shows CONDUCTOR_TICKET; undefined: no service. */
  mcpUrl?: string;
}

export interface Launch {
  argv: readonly string[];
  /** What the process reads. */
  stdin: string;
  env?: Readonly<Record<string, string>>;
  /** Written to scriptPath, executable by the owner alone. */
  script?: string;
  /** It reads settings from its folder in the user's home alone: it gets one of its own. */
  home?: AgentHome;
}

export interface AgentHome {
  /** Says where the home is. */
  variable: string;
  /** Beside the folder, by name. */
  files: Readonly<Record<string, string>>;
  /** Of the agent, in the home. */
  folder: string;
  /** Put into its settings.json; what the user's own file says wins. */
  settings: Readonly<Record<string, unknown>>;
  /** Entries of the folder that are not the user's: everything else is. */
  own: readonly string[];
}

/** How one kind of agent is started, and what it speaks. */
export interface Backend {
  name: string;
  /** Looked up on PATH. None: the configuration names it, or the prompt is the program. */
  program?: string;
  /** What its stdout holds; none is plain text. */
  family?: Family;
  /** Our own program asks it over HTTP. */
  rest?: boolean;
  /** Variables that may hold its credential; the first one set is passed on, and only that one. */
  keys: readonly string[];
  /** The name under which the credential is passed on, where that is another. */
  keyAs?: string;
  /** It cannot begin without: a CLI may have logged in by itself. */
  needsKey?: boolean;
  /** The variable that says where its service is. */
  baseUrl?: string;
  /** It can go on with an earlier session of its own. */
  resumes?: boolean;
  /** It can ask the service's `approve` before it uses a tool. */
  asks?: boolean;
  /** It is told where it is and how to speak on the bus. */
  preamble?: boolean;
  /** Variables without secrets that say where it finds its things. */
  settings: readonly string[];
  launch(context: LaunchContext): Launch;
}
