import { retry, timer, type MonoTypeOperatorFunction, type SchedulerLike } from 'rxjs';
import { backoffDelay, type Backoff } from '../core/backoff.js';

export interface Reopening {
  backoff: Backoff;
  /** Uniform in [0, 1): the jitter. */
  random: () => number;
  scheduler: SchedulerLike;
  /** Told of each failure: how many there were since the last value, and when it is tried again. */
  failed: (failure: { error: unknown; failures: number; delay_ms: number }) => void;
}

/**
 * Opens a cold source again whenever it fails, for ever, with exponential backoff and full jitter; a value starts the
 * count anew. Use it before sharing, and before merging: one dead source must not end the others.
 */
export const reopen = <T>({ backoff, random, scheduler, failed }: Reopening): MonoTypeOperatorFunction<T> =>
  retry({
    resetOnSuccess: true,
    delay: (error: unknown, failures) => {
      const delay_ms = backoffDelay(failures, backoff, random());
      failed({ error, failures, delay_ms });
      return timer(delay_ms, scheduler);
    },
  });
