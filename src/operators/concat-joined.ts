import { concatMap, defer, filter, type ObservableInput, type OperatorFunction } from 'rxjs';

/**
 * `concatMap` that works off what has to wait in fewer pieces: a value is joined to the last one that waits, where `join` gives
 * something for the two.
 */
export const concatJoined =
  <T, R>(
    project: (value: T) => ObservableInput<R>,
    join: (waiting: T, value: T) => T | undefined,
  ): OperatorFunction<T, R> =>
  (source) =>
    defer(() => {
      const waiting: T[] = [];
      return source.pipe(
        filter((value) => {
          const last = waiting.length - 1;
          const joined = last < 0 ? undefined : join(waiting[last] as T, value);
          if (joined === undefined) waiting.push(value);
          else waiting[last] = joined;
          return joined === undefined;
        }),
        concatMap(() => project(waiting.shift() as T)),
      );
    });
