import { isUsedUp, leftOf, stricter, type RunLimits, type Spent } from './run.js';

/** A budget that a new run would spend from. */
export interface Level {
  /** Whose it is, as `the task p/t`. */
  name: string;
  limits: RunLimits;
  spent: Spent;
  /** Beyond that, what runs at work keep for themselves. */
  kept: Spent;
}

/** What a run may use up; or whose budget is used up; or whose is kept, but may be given back. */
export type Share = { limits: RunLimits } | { over: string } | { waits: string };

export const NOTHING: Spent = { usd: 0, tokens: 0 };
/** What sums of dollars may be off by. */
const ROUNDING = 1e-9;

export const plus = (one: Spent, other: Spent): Spent => ({
  usd: one.usd + other.usd,
  tokens: one.tokens + other.tokens,
});

export const minus = (one: Spent, other: Spent): Spent => ({
  usd: one.usd - other.usd,
  tokens: one.tokens - other.tokens,
});

const mustWait = (own: RunLimits, { limits, spent, kept }: Level): boolean =>
  (['usd', 'tokens'] as const).some((unit) => {
    const limit = limits[unit];
    if (limit === undefined || kept[unit] <= ROUNDING) return false;
    const free = limit - spent[unit] - kept[unit] + ROUNDING;
    return free < Math.max(own[unit] ?? 0, 2 * ROUNDING);
  });

/** One with a limit of its own gets all of that or waits, unless no run beside it keeps any: then what is left. */
export const shareOf = (own: RunLimits, levels: readonly Level[]): Share => {
  const over = levels.find(({ limits, spent }) => isUsedUp(leftOf(limits, spent)));
  if (over) return { over: over.name };
  const blocked = levels.find((level) => mustWait(own, level));
  if (blocked) return { waits: blocked.name };
  const left = levels.map(({ limits, spent, kept }) => leftOf(limits, plus(spent, kept)));
  return { limits: left.reduce<RunLimits>(stricter, own) };
};
