export interface Backoff {
  /** Delay before the second attempt at the most, in ms. */
  base_ms: number;
  /** No delay is longer, in ms. */
  cap_ms: number;
}

/**
 * Exponential backoff with full jitter: a uniform draw from 0 to min(cap, base · 2^(failures − 1)), in ms.
 * `failures` counts from 1; `random` is in [0, 1).
 */
export const backoffDelay = (failures: number, backoff: Backoff, random: number): number =>
  Math.floor(random * Math.min(backoff.cap_ms, backoff.base_ms * 2 ** Math.min(failures - 1, 40)));
