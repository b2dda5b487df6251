import { defer, retry, timer, type MonoTypeOperatorFunction, type SchedulerLike } from 'rxjs';
import { backoffDelay, type Backoff } from '../core/backoff.js';

export interface Reopening {
  backoff: Backoff;
  /** Uniform in [0, 1): the jitter. */
  random: () => number;
  scheduler: SchedulerLike;
  /** Told of each failure: how many there were in a row, and when it is tried again. */
  failed: (failure: { error: unknown; failures: number; delay_ms: number }) => void;
}

/**
 * Opens a cold source again whenever it fails, for ever, with exponential backoff and full jitter. One that lived as long as
 * the longest pause starts the count anew; one that speaks and fails each time does not. Use it before sharing, and before
 * merging: one dead source must not end the others.
 */
export const reopen =
  <T>({ backoff, random, scheduler, failed }: Reopening): MonoTypeOperatorFunction<T> =>
  (source) =>
    defer(() => {
      let failures = 0;
      let opened = 0;
      return defer(() => {
        opened = scheduler.now();
        return source;
      }).pipe(
        retry({
          delay: (error: unknown) => {
            failures = scheduler.now() - opened < backoff.cap_ms ? failures + 1 : 1;
            const delay_ms = backoffDelay(failures, backoff, random());
            failed({ error, failures, delay_ms });
            return timer(delay_ms, scheduler);
          },
        }),
      );
    });
