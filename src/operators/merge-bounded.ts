import { Subject, defer, mergeMap, of, switchMap, take, tap, type ObservableInput, type OperatorFunction } from 'rxjs';

export interface Bounds<T, O> {
  /** So many projections run at once. */
  concurrency: number;
  /** So many values wait for a place, the oldest first. */
  queue: number;
  /** What is said at once of a value for which there is no place to wait. */
  overflow: (value: T) => O;
}

/** `mergeMap(project, concurrency)` whose queue has an end. Give it an isolated projection: a failure ends the stream. */
export const mergeBounded =
  <T, R, O>(
    project: (value: T) => ObservableInput<R>,
    { concurrency, queue, overflow }: Bounds<T, O>,
  ): OperatorFunction<T, R | O> =>
  (source) =>
    defer(() => {
      const waiting: Subject<void>[] = [];
      let running = 0;
      let admitting = false;

      const release = () => {
        running -= 1;
        // A loop and no recursion: a long queue of instant projections would use up the stack.
        if (admitting) return;
        admitting = true;
        while (running < concurrency) {
          const next = waiting.shift();
          if (next === undefined) break;
          running += 1;
          next.next();
        }
        admitting = false;
      };

      return source.pipe(
        mergeMap((value): ObservableInput<R | O> => {
          // On completion only: whoever unsubscribes wants nothing more to start.
          const run = defer(() => project(value)).pipe(tap({ complete: release }));
          if (running < concurrency && waiting.length === 0) {
            running += 1;
            return run;
          }
          if (waiting.length >= queue) return of(overflow(value));
          const turn = new Subject<void>();
          waiting.push(turn);
          return turn.pipe(
            take(1),
            switchMap(() => run),
          );
        }),
      );
    });
