import {
  Observable,
  Subject,
  from,
  tap,
  timer,
  type ObservableInput,
  type OperatorFunction,
  type SchedulerLike,
  type Subscription,
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
    new Observable<R>((subscriber) => {
      const pieces = new Subject<T | undefined>();
      let deadline: Subscription | undefined;
      let isComplete = false;
      const fail = (error: unknown): void => subscriber.error(error);
      const arm = (): void => {
        deadline?.unsubscribe();
        const due = isComplete ? undefined : next();
        deadline =
          due === undefined
            ? undefined
            : timer(Math.max(1, Math.min(due - clock.now(), LONGEST_MS)), clock.scheduler).subscribe({
                next: () => pieces.next(undefined),
                error: fail,
              });
      };
      const work$ = pieces.pipe(
        concatJoined(
          (value) => from(project(value)).pipe(tap({ complete: arm })),
          (waiting, value) => (waiting === undefined || value === undefined ? undefined : join(waiting, value)),
        ),
      );
      subscriber.add(() => deadline?.unsubscribe());
      subscriber.add(work$.subscribe(subscriber));
      arm();
      subscriber.add(
        source.subscribe({
          next: (value) => pieces.next(value),
          error: fail,
          complete: () => {
            isComplete = true;
            deadline?.unsubscribe();
            pieces.complete();
          },
        }),
      );
    });
