import { Observable } from 'rxjs';

/**
 * Does the work for each value at once and does not wait for it before the next; completes when all of it is done. The work
 * never rejects. What was begun is not ended by unsubscribing.
 */
export const eachAwaited =
  <T>(work: (value: T) => Promise<void>) =>
  (source: Observable<T>): Observable<never> =>
    new Observable((subscriber) => {
      let atWork = 1;
      const done = (): void => {
        atWork -= 1;
        if (atWork === 0) subscriber.complete();
      };
      return source.subscribe({
        next: (value) => {
          atWork += 1;
          void work(value).then(done);
        },
        error: (error: unknown) => subscriber.error(error),
        complete: done,
      });
    });
