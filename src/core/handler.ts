import type { Pattern } from './pattern.js';

/** Tried again after a failure of one of the classes in `on`, with exponential backoff and full jitter. Times in ms. */
export interface Retry {
  attempts: number;
  base: number;
  cap: number;
  on: readonly ('transient' | 'permanent' | 'configuration')[];
}

/** A hit skips the step. The key is what the step is, what it is given (`key`, templates) and what the files hold (globs). */
export interface Cache {
  key: readonly string[];
  files: readonly string[];
  /** ms; undefined: for ever. */
  ttl?: number;
}

export interface Common {
  /** The word by which later steps speak of it: `steps.<id>`. */
  id?: string;
  /** For people. */
  name?: string;
  /** CEL over `event`, `steps`, `with` and what surrounds the step; false skips it. */
  when?: string;
  /** ms. Of a process: an attempt's; of any other step: the whole step's. */
  timeout?: number;
  retry?: Retry;
  cache?: Cache;
  /** In a git worktree of its own, which its steps share; each lane of a `parallel` or item of a `map` gets one. */
  isolate?: 'worktree';
  /** `continue`: the failure is a result that later steps may look at. */
  on_error: 'fail' | 'continue';
}

export type JsonSchema = Readonly<Record<string, unknown>>;

/** `lines`: the list of those that are not empty. `schema`: the output must be JSON that fits; an agent whose answer does not is asked again, `asks` times at most. */
export type OutputForm = 'text' | 'json' | 'lines' | { schema: JsonSchema; asks: number };

export interface ProcessStep extends Common {
  output: OutputForm;
  /** A template. */
  cwd?: string;
  /** Templates; how data reaches a script. */
  env: Readonly<Record<string, string>>;
}

export interface AgentStep extends ProcessStep {
  kind: 'agent';
  /** The first that can run here. Each may be a template. */
  agents: readonly string[];
  prompt: string;
  /** Text of a script that stands in where no agent was found. */
  fallback_script?: string;
}
/** The text is run by its shebang or /bin/sh. Data reaches it in the environment and on stdin only. */
export interface ShellStep extends ProcessStep {
  kind: 'shell';
  script: string;
}
/** What a group gives to later steps, made of its children's results. Default: the last child's. */
export interface GroupResult {
  /** A template. */
  text?: string;
  /** CEL. */
  data?: string;
}
export interface SequenceStep extends Common {
  kind: 'sequence';
  steps: readonly Step[];
  /** Its steps see what is outside; outside, only what it gives is seen. */
  scoped?: true;
  result?: GroupResult;
}
export interface ParallelStep extends Common {
  kind: 'parallel';
  max_concurrent: number;
  /** The first failure stops the other lanes. */
  fail_fast: boolean;
  /** Fails only when fewer lanes than this succeed; default: all must. */
  at_least?: number;
  steps: readonly Step[];
  result?: GroupResult;
}
/** CEL, values (strings in them are templates), or the files that a glob names (their paths, sorted). */
export type Items = { from: string } | { list: readonly unknown[] } | { glob: readonly string[]; cwd?: string };
/** The steps once for each item, as `item` and `index`. `steps.<id>.data.items` holds what each gave. */
export interface MapStep extends Common {
  kind: 'map';
  items: Items;
  max_concurrent: number;
  fail_fast: boolean;
  /** Fails only when fewer items than this succeed; default: all must. */
  at_least?: number;
  steps: readonly Step[];
  result?: GroupResult;
}
/** The first case that is true. */
export interface BranchStep extends Common {
  kind: 'branch';
  cases: readonly { when: string; steps: readonly Step[] }[];
  else: readonly Step[];
}
/** Again until CEL is true, `max` times at most; `iteration` counts from 1. */
export interface RepeatStep extends Common {
  kind: 'repeat';
  steps: readonly Step[];
  until: string;
  /** True: no further iteration, though `until` does not hold. */
  stop_when?: string;
  max: number;
  on_max: 'fail' | 'continue';
  /** ms between two iterations. */
  delay: number;
  result?: GroupResult;
}
/** What a `wait` waits for. */
export type WaitFor =
  | { kind: 'timer'; ms: number }
  /** RFC 3339, a template. */
  | { kind: 'moment'; at: string }
  | {
      kind: 'event';
      types: readonly string[];
      /** String values are templates. */
      match: Readonly<Record<string, Pattern>>;
      when?: string;
      /** The `emit` step after which the answer may come: one that came before this step began is found. */
      since?: string;
    }
  | { kind: 'approval'; question: string; default?: 'approve' | 'reject' }
  /** Until as many lanes of the surrounding `parallel` have come here. */
  | { kind: 'barrier'; name: string; parties: number };
/** `timeout` of the step ends it; `on_timeout: continue` makes that a result. */
export interface WaitStep extends Common {
  kind: 'wait';
  for: WaitFor;
  on_timeout: 'fail' | 'continue';
}
/** Does `try`; when it fails, does all of `compensate` and fails all the same; or does `rescue`, whose result is then its own. */
export interface AttemptStep extends Common {
  kind: 'attempt';
  try: readonly Step[];
  compensate: readonly Step[];
  rescue?: readonly Step[];
}
/** Another handler's steps, in the same activation. */
export interface CallStep extends Common {
  kind: 'call';
  /** A template. */
  handler: string;
  /** Strings in it are templates. */
  with: Readonly<Record<string, unknown>>;
}
export interface EmitStep extends Common {
  kind: 'emit';
  type: string;
  body?: string;
  data?: Readonly<Record<string, unknown>>;
  /** A step whose data are merged over `data`: values keep their types. */
  data_from?: string;
}
export interface HttpStep extends Common {
  kind: 'http';
  method: string;
  url: string;
  headers: Readonly<Record<string, string>>;
  /** Templates; sent as JSON unless it is text. */
  body?: unknown;
  output: 'text' | 'json';
}
export interface NotifyStep extends Common {
  kind: 'notify';
  /** The name of an action of the configuration; a template. */
  action: string;
  message: string;
}
/** A function of a TypeScript handler: no effects but its result. */
export interface CodeStep extends Common {
  kind: 'code';
  run: (variables: Readonly<Record<string, unknown>>) => unknown;
}

/** The kernel: everything that a handler can do, whatever pattern it was written as. */
export type Step =
  | AgentStep
  | ShellStep
  | SequenceStep
  | ParallelStep
  | MapStep
  | BranchStep
  | RepeatStep
  | WaitStep
  | AttemptStep
  | CallStep
  | EmitStep
  | HttpStep
  | NotifyStep
  | CodeStep;

export interface Handler {
  name: string;
  description?: string;
  /** What it may be given `with`, where the file names it. */
  parameters?: readonly string[];
  steps: readonly Step[];
  /** Of the tree, with the prompts and scripts that it names; of a TypeScript handler, of its text. */
  hash: string;
  /** Absolute. */
  file: string;
  /** A tree of `yaml` is kept by hash; functions cannot be. */
  language: 'yaml' | 'typescript';
}

/** The steps directly below, in the order of the file. */
export const childrenOf = (step: Step): readonly Step[] => {
  switch (step.kind) {
    case 'sequence':
    case 'parallel':
    case 'map':
    case 'repeat':
      return step.steps;
    case 'branch':
      return [...step.cases.flatMap((one) => one.steps), ...step.else];
    case 'attempt':
      return [...step.try, ...step.compensate, ...(step.rescue ?? [])];
    default:
      return [];
  }
};
