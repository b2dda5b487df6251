import { backoffDelay } from './backoff.js';
import { spentOf, type RunEnd, type RunRequest } from './run.js';

export interface LoopOptions {
  /** A shell command that must succeed before DONE counts. */
  verify?: string | undefined;
  /** Turns after the first; those that met a full service do not count. */
  max_restarts: number;
  /** Turns in a row that ended well and changed nothing in the folder. */
  max_idle: number;
  /** Of all turns together. */
  max_usd?: number | undefined;
  /** `resume`: each turn goes on in the agent's own session, where it can. */
  session: 'fresh' | 'resume';
}

/** What each turn of a loop starts. */
export interface LoopRequest extends RunRequest {
  /** The person who asked for it. */
  actor?: string;
  /** `project/task` each: the first turn begins when they have completed. */
  depends_on?: readonly string[];
}

/** All that a loop remembers between two turns: whoever goes on with it needs nothing else. */
export interface LoopState {
  /** From 1: the turn that comes next. */
  turn: number;
  restarts: number;
  usd: number;
  /** Failures in a row. */
  crashes: number;
  /** Turns in a row at a full service. */
  limited: number;
  idle: number;
  /** Of the folder, before the turn. */
  digest: string;
  session?: string;
  /** How the last turn ended, and what it said last. */
  last?: { outcome: string; output: string };
  /** What the check said of a DONE that did not count. */
  refused?: string;
  /** RFC 3339: the turn does not begin before. */
  not_before?: string;
  /** The last message that was on the bus when the turn before began. */
  since_id: string;
}

/** Data of RUN_LOOP_STARTED, and a loop as it is folded: `state` is then that of the last RUN_LOOP_TURN. */
export interface Loop {
  request: LoopRequest;
  options: LoopOptions;
  state: LoopState;
  /** The run of the turn that comes next, once it was started. */
  run_id?: string;
  /** What its RUN_STOP said beside what is in its folder. */
  stopped?: Pick<RunEnd, 'class' | 'reason' | 'retry_at'>;
  /** How it ended, and when (RFC 3339). */
  ended?: { ts: string; status: 'completed' | 'failed' | 'stopped'; exit?: number; error?: string };
}

/** Of a run of a loop: its `step`. */
export const LOOP_TURN = 'loop.turn';
export const LOOP_CHECK = 'loop.check';

/** What a turn came to. */
export interface TurnEnd {
  end: RunEnd;
  /** DONE was there and counts. */
  done: boolean;
  refused?: string;
  digest: string;
}

export type Verdict = { over: RunEnd } | { state: LoopState; delay_ms: number };

const BETWEEN_MS = 1_000;
const CRASH_BACKOFF = { base_ms: 2_000, cap_ms: 300_000 };
/** Of a service that does not say when it has room again. */
const LIMIT_BACKOFF = { base_ms: 60_000, cap_ms: 900_000 };
/** Failures in a row after which it is no bad luck any more. */
const CRASHES_MAX = 10;
const OUTPUT_KEPT = 4_000;

const refuse = (end: RunEnd, message: string): Verdict => ({
  over: { ...end, status: 'failed', exit: 2, class: 'permanent', error_summary: message },
});

/** Half of it is sure, the other half chance. */
const limitDelay = (limited: number, random: number): number => {
  const most = backoffDelay(limited, LIMIT_BACKOFF, 1);
  return Math.floor(most / 2 + (most / 2) * random);
};

const delayOf = (state: LoopState, end: RunEnd, now: number, random: number): number => {
  if (state.limited > 0) {
    const reset = end.retry_at === undefined ? 0 : Date.parse(end.retry_at) - now;
    return reset > 0 ? reset + Math.floor(BETWEEN_MS * random) : limitDelay(state.limited, random);
  }
  return state.crashes === 0 ? BETWEEN_MS : Math.max(BETWEEN_MS, backoffDelay(state.crashes, CRASH_BACKOFF, random));
};

/** Whether the loop goes on after a turn, and with what. Of the machine's own faults the agent is not accused. */
export const judgeTurn = (
  { done, end, refused, digest }: TurnEnd,
  before: LoopState,
  options: LoopOptions,
  { cwd, now, random }: { cwd: string; now: number; random: number },
): Verdict => {
  if (done) return { over: { ...end, status: 'completed', exit: 0 } };
  const usd = before.usd + spentOf(end).usd;
  if (options.max_usd !== undefined && usd >= options.max_usd)
    return refuse(end, `the budget is used up: ${usd.toFixed(2)} of ${options.max_usd} USD`);
  if (refused === undefined && end.status === 'failed' && end.class !== 'transient') return { over: end };
  const isLimit = end.reason === 'rate_limit';
  const isOurs = end.reason === 'lost' || end.reason === 'never_started' || end.reason === 'no_room';
  const failed = end.status === 'failed' && !isLimit && !isOurs;
  const { session: _session, last: _last, refused: _refused, not_before: _before, ...kept } = before;
  const state: LoopState = {
    ...kept,
    turn: before.turn + 1,
    restarts: before.restarts + (isLimit ? 0 : 1),
    usd,
    crashes: failed ? before.crashes + 1 : isOurs || isLimit ? before.crashes : 0,
    limited: isLimit ? before.limited + 1 : 0,
    idle: digest !== before.digest ? 0 : before.idle + (end.status === 'completed' ? 1 : 0),
    digest,
    last: {
      outcome: end.status === 'completed' ? 'ended' : `failed (${end.error_summary ?? ''})`,
      output: end.output.slice(-OUTPUT_KEPT),
    },
    ...(refused === undefined ? {} : { refused: refused.slice(-OUTPUT_KEPT) }),
    ...(options.session === 'resume' && end.session_id !== undefined ? { session: end.session_id } : {}),
  };
  if (state.idle >= options.max_idle)
    return refuse(end, `no progress: nothing in ${cwd} changed in ${state.idle} turns`);
  if (state.crashes >= CRASHES_MAX)
    return refuse(end, `it failed ${state.crashes} times in a row: ${end.error_summary ?? ''}`);
  if (state.restarts > options.max_restarts) return refuse(end, `not done after ${options.max_restarts} restarts`);
  const delay_ms = delayOf(state, end, now, random);
  return { state: { ...state, not_before: new Date(now + delay_ms).toISOString() }, delay_ms };
};
