import { catchError, defer, of, type Observable, type ObservableInput } from 'rxjs';

/**
 * A projection whose failure is news, not the end: for `mergeMap(isolate(project, failed))`.
 * What `project` throws at once counts as well as what its stream says later; `failed` makes a value of it.
 */
export const isolate =
  <T, R, F>(
    project: (value: T) => ObservableInput<R>,
    failed: (error: unknown, value: T) => F,
  ): ((value: T) => Observable<R | F>) =>
  (value) =>
    defer(() => project(value)).pipe(catchError((error: unknown) => of(failed(error, value))));
