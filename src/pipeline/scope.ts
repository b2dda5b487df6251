import type { Event } from '../core/event.js';
import type { StepResult } from '../core/ledger-view.js';

/** What a step may speak of: in templates, in CEL, and as JSON on a script's stdin. */
export interface Variables {
  event: Event;
  steps: Record<string, unknown>;
  with: Readonly<Record<string, unknown>>;
  task: Readonly<Record<string, unknown>>;
  item?: unknown;
  index?: number;
  iteration?: number;
  /** How many events were folded into this start, and the ids of the newest. */
  folded?: { count: number; events: readonly string[] };
  /** What failed, in `compensate`. */
  error?: { step: string; message: string };
}

/** Names known to conditions. Those that are not set are null. */
export const VARIABLE_NAMES = [
  'event',
  'steps',
  'with',
  'task',
  'item',
  'index',
  'iteration',
  'folded',
  'error',
] as const;

/** For CEL, where an unknown name is an error. */
export const forCondition = (variables: Variables): Record<string, unknown> => ({
  item: null,
  index: null,
  iteration: null,
  folded: null,
  error: null,
  ...variables,
});

/** For templates; strict, so that a name that is not set is an error there. */
export const forTemplate = (variables: Variables): Record<string, unknown> => ({ ...variables });

/** Sees what is outside; what is said inside stays inside. */
export const inner = (variables: Variables, added: Partial<Variables> = {}): Variables => ({
  ...variables,
  steps: { ...variables.steps },
  ...added,
});

export type Outcome = Omit<StepResult, 'activation' | 'step'>;

/** A step's result as later steps see it: every field is there. */
export const visible = (result: Outcome): Record<string, unknown> => ({
  ok: result.status === 'completed',
  status: result.status,
  output: result.output,
  stderr: result.stderr ?? '',
  error: result.error ?? '',
  exit: result.exit,
  run_id: result.run_id ?? '',
  cached: result.cached ?? '',
  worktree: result.worktree ?? '',
  attempts: result.attempts,
  data: result.data ?? {},
});

export const completed = (output = '', data?: unknown): Outcome => ({
  status: 'completed',
  attempts: 1,
  output,
  exit: 0,
  ...(data === undefined ? {} : { data }),
});

export const failure = (exit: 1 | 2 | 3, error: string): Outcome => ({
  status: 'failed',
  attempts: 1,
  output: '',
  exit,
  class: exit === 1 ? 'transient' : exit === 2 ? 'permanent' : 'configuration',
  error,
});
