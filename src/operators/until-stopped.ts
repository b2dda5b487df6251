import { takeUntil, type MonoTypeOperatorFunction, type ObservableInput } from 'rxjs';

/**
 * The drain. Before a flattening, `source.pipe(untilStopped(stop$), mergeMap(work))` takes nothing new once `stop$` says
 * anything; work that has begun goes on, and the stream completes when it has ended. To kill, unsubscribe.
 */
export const untilStopped = <T>(stop$: ObservableInput<unknown>): MonoTypeOperatorFunction<T> => takeUntil(stop$);
