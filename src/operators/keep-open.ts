import { Observable, Subscription } from 'rxjs';

/**
 * Opens each item of the newest set and closes those that are in it no more; what stays, the same object, goes on undisturbed.
 * Completes when no set comes any more and all that are open have completed.
 */
export const keepOpen =
  <T, R>(open: (item: T) => Observable<R>) =>
  (sets$: Observable<readonly T[]>): Observable<R> =>
    new Observable((subscriber) => {
      const opened = new Map<T, Subscription>();
      let isLast = false;
      const settle = (): void => {
        if (isLast && [...opened.values()].every(({ closed }) => closed)) subscriber.complete();
      };
      const begin = (item: T): void => {
        const inner = new Subscription();
        opened.set(item, inner);
        inner.add(
          open(item).subscribe({
            next: (value) => subscriber.next(value),
            error: (error: unknown) => subscriber.error(error),
            complete: () => {
              inner.unsubscribe();
              settle();
            },
          }),
        );
      };
      const sets = sets$.subscribe({
        next: (items) => {
          const wanted = new Set(items);
          for (const [item, inner] of opened) {
            if (wanted.has(item)) continue;
            opened.delete(item);
            inner.unsubscribe();
          }
          for (const item of wanted) if (!opened.has(item)) begin(item);
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          isLast = true;
          settle();
        },
      });
      return () => {
        sets.unsubscribe();
        for (const inner of opened.values()) inner.unsubscribe();
      };
    });
