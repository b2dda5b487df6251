import { EMPTY, Subject, defer, filter, map, of, repeat, take, takeWhile, tap, type Observable } from 'rxjs';
import type { Batch, Bus, Cursor } from '../core/ports.js';

/**
 * Follows the bus for somebody slow: while `most` events, of batches that are `wanted`, wait to be worked on nothing more is
 * read, so that what is left stays on the disk. Whoever has worked on a batch, or on some that were made one, says `done`.
 */
export const paced = (
  bus: Pick<Bus, 'follow'>,
  cursor: Cursor | undefined,
  { most, wanted }: { most: number; wanted: (batch: Batch) => boolean },
): { batches$: Observable<Batch>; done: (batch: Batch) => void } => {
  const room$ = new Subject<void>();
  let at = cursor;
  let waiting = 0;
  let isFull = false;
  const hasRoom = (): boolean => waiting <= most / 2;
  const batches$ = defer(() => bus.follow(at)).pipe(
    tap((batch) => (at = batch.cursor)),
    filter(wanted),
    map((batch) => {
      waiting += batch.events.length;
      isFull = waiting >= most;
      return { batch, isFull };
    }),
    takeWhile((one) => !one.isFull, true),
    map(({ batch }) => batch),
    repeat({
      delay: () => {
        if (!isFull) return EMPTY;
        isFull = false;
        return hasRoom() ? of(undefined) : room$.pipe(take(1));
      },
    }),
  );
  return {
    batches$,
    done: ({ events }) => {
      waiting -= events.length;
      if (hasRoom()) room$.next();
    },
  };
};
