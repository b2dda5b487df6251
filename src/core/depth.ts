/** Nothing starts at this depth or deeper, by process or by event. */
export const MAX_DEPTH = 16;

/** A root event starts at most this many runs in all. */
export const CHAIN_BUDGET = 200;
