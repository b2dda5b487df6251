import {
  BehaviorSubject,
  EMPTY,
  connect,
  defer,
  endWith,
  ignoreElements,
  map,
  merge,
  switchMap,
  takeUntil,
  tap,
  timer,
  type ObservableInput,
  type OperatorFunction,
  type SchedulerLike,
} from 'rxjs';
import { concatJoined } from './concat-joined.js';

/** Beyond this a timer is cut into pieces: a clock that was set is noticed soon. */
const LONGEST_MS = 60_000;

/**
 * `concatMap` that also works when nothing comes: after each piece of work `next` says when something is due (ms), and then
 * `project(undefined)` is asked. One piece of work at a time, so that nobody decides behind another's back; `join` may make
 * one of two that wait.
 */
export const withDeadlines =
  <T, R>(
    project: (value: T | undefined) => ObservableInput<R>,
    next: () => number | undefined,
    clock: { now(): number; scheduler: SchedulerLike },
    join: (waiting: T, value: T) => T | undefined = () => undefined,
  ): OperatorFunction<T, R> =>
  (source) =>
    source.pipe(
      connect((values) => {
        const armed = new BehaviorSubject<void>(undefined);
        const deadlines = armed.pipe(
          switchMap(() => {
            const due = next();
            if (due === undefined) return EMPTY;
            return timer(Math.max(1, Math.min(due - clock.now(), LONGEST_MS)), clock.scheduler);
          }),
          map(() => undefined),
          takeUntil(values.pipe(ignoreElements(), endWith(true))),
        );
        return merge(deadlines, values).pipe(
          concatJoined(
            (value) => defer(() => project(value)).pipe(tap({ complete: () => armed.next() })),
            (waiting, value) => (waiting === undefined || value === undefined ? undefined : join(waiting, value)),
          ),
        );
      }),
    );
