import type { RunEnd } from './run.js';

/** How an agent's runs went lately. Times in ms since the epoch. */
export interface Condition {
  /** Failures in a row. */
  failures: number;
  last: number;
  /** When its quota is there again, as it said itself. */
  retry_at?: number;
}

/** So many failures in a row are bad luck. */
const TOLERATED = 2;
const SHORTEST_MS = 60_000;
const LONGEST_MS = 15 * 60_000;
const LONGEST_QUOTA_MS = 24 * 3_600_000;

/** What we ended ourselves says nothing about the agent. */
const OURS = /^(stopped|timeout|idle|output|budget|lost|never_started|no_room)/;

/** What its next end makes of it; undefined: all is well. */
export const afterRun = (
  before: Condition | undefined,
  { status, reason, retry_at }: Pick<RunEnd, 'status' | 'reason' | 'retry_at'>,
  at: number,
): Condition | undefined => {
  if (status === 'completed') return undefined;
  if (reason !== undefined && OURS.test(reason)) return before;
  const quota = retry_at === undefined ? undefined : Math.min(Date.parse(retry_at), at + LONGEST_QUOTA_MS);
  return { failures: (before?.failures ?? 0) + 1, last: at, ...(quota === undefined ? {} : { retry_at: quota }) };
};

/** Until when it is left alone: doubled with each failure, a quarter of an hour at the most, or to the reset of its quota. */
export const coolsUntil = (condition: Condition | undefined, now: number): number | undefined => {
  if (condition === undefined) return undefined;
  const { failures, last, retry_at } = condition;
  const pause = failures <= TOLERATED ? 0 : Math.min(LONGEST_MS, SHORTEST_MS * 2 ** (failures - TOLERATED - 1));
  const until = Math.max(last + pause, retry_at ?? 0);
  return until > now ? until : undefined;
};
