import { Observable, from, type ObservableInput, type OperatorFunction, type Subscription } from 'rxjs';

/**
 * `concatMap` that works off what has to wait in fewer pieces: a value is joined to the last one that waits, where `join` gives
 * something for the two. Written out, since a chain of operators costs more for each piece than what the router does with it.
 */
export const concatJoined =
  <T, R>(
    project: (value: T) => ObservableInput<R>,
    join: (waiting: T, value: T) => T | undefined,
  ): OperatorFunction<T, R> =>
  (source) =>
    new Observable<R>((subscriber) => {
      const waiting: T[] = [];
      let work: Subscription | undefined;
      let isAtWork = false;
      let isTaking = false;
      let isComplete = false;

      const begin = (value: T): void => {
        isAtWork = true;
        work = from(project(value)).subscribe({
          next: (result) => subscriber.next(result),
          error: (error: unknown) => subscriber.error(error),
          complete: () => {
            isAtWork = false;
            takeOn();
          },
        });
      };

      /** Work that is done at once is followed by the next in this loop, not one within the other. */
      const takeOn = (): void => {
        if (isTaking) return;
        isTaking = true;
        try {
          while (!isAtWork && waiting.length > 0 && !subscriber.closed) begin(waiting.shift() as T);
          if (!isAtWork && isComplete) subscriber.complete();
        } catch (error) {
          subscriber.error(error);
        }
        isTaking = false;
      };

      subscriber.add(() => work?.unsubscribe());
      subscriber.add(
        source.subscribe({
          next: (value) => {
            const last = waiting.length - 1;
            const joined = last < 0 ? undefined : join(waiting[last] as T, value);
            if (joined === undefined) waiting.push(value);
            else waiting[last] = joined;
            takeOn();
          },
          error: (error: unknown) => subscriber.error(error),
          complete: () => {
            isComplete = true;
            takeOn();
          },
        }),
      );
    });
