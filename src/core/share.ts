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

export const most = (one: Spent, other: Spent): Spent => ({
  usd: Math.max(one.usd, other.usd),
  tokens: Math.max(one.tokens, other.tokens),
});

export const minus = (one: Spent, other: Spent): Spent => ({
  usd: one.usd - other.usd,
  tokens: one.tokens - other.tokens,
});

/** Of a budget a run is expected to use up so much while no run of its agent has told what it used. */
const UNTOLD = 1 / 16;

/** What a run without a limit of its own is expected to use up. `dearest`: of the runs of its agent so far. */
export const expectedOf = (own: RunLimits, levels: readonly Level[], dearest: Spent): RunLimits => {
  const expected: RunLimits = {};
  for (const unit of ['usd', 'tokens'] as const) {
    const budgets = levels.flatMap(({ limits }) => limits[unit] ?? []);
    if (own[unit] === undefined && budgets.length > 0)
      expected[unit] = dearest[unit] > 0 ? dearest[unit] : Math.min(...budgets) * UNTOLD;
  }
  return expected;
};

const mustWait = (wanted: RunLimits, { limits, spent, kept }: Level): boolean =>
  (['usd', 'tokens'] as const).some((unit) => {
    const limit = limits[unit];
    if (limit === undefined || kept[unit] <= ROUNDING) return false;
    const free = limit - spent[unit] - kept[unit] + ROUNDING;
    return free < Math.max(wanted[unit] ?? 0, 2 * ROUNDING);
  });

/**
 * One gets its own limit or waits, unless no run beside it keeps any: then what is left. `wanted`: so much must be there;
 * of one without a limit what it may be expected to use up.
 */
export const shareOf = (own: RunLimits, levels: readonly Level[], wanted = own): Share => {
  const over = levels.find(({ limits, spent }) => isUsedUp(leftOf(limits, spent)));
  if (over) return { over: over.name };
  const blocked = levels.find((level) => mustWait(wanted, level));
  if (blocked) return { waits: blocked.name };
  const left = levels.map(({ limits, spent, kept }) => leftOf(limits, plus(spent, kept)));
  return { limits: left.reduce<RunLimits>(stricter, own) };
};
