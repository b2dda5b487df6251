import { Observable, Subject, Subscription, type Subscriber } from 'rxjs';
import { toConductorError } from '../core/errors.js';
import type { Batch, Bus, Cursor } from '../core/ports.js';

/** The reading that everybody has joined who stands where it stands. */
interface Head {
  /** All before was told. */
  at: Cursor | undefined;
  told$: Subject<Batch>;
  reading: Subscription;
  listeners: number;
}

/**
 * One reading of the bus for all who stand at the same place. Who begins elsewhere reads alone, until it stands where
 * the others do.
 */
export const shareFollow = (bus: Pick<Bus, 'follow'>): Bus['follow'] => {
  let head: Head | undefined;

  const leave = (from: Head): void => {
    if (head === from) head = undefined;
  };

  const join = (subscriber: Subscriber<Batch>, joined: Head): void => {
    joined.listeners += 1;
    subscriber.add(joined.told$.subscribe(subscriber));
    subscriber.add(() => {
      joined.listeners -= 1;
      if (joined.listeners > 0) return;
      leave(joined);
      joined.reading.unsubscribe();
    });
  };

  /** The first of all: the others join when they can. */
  const lead = (subscriber: Subscriber<Batch>, cursor: Cursor | undefined): void => {
    const begun: Head = { at: cursor, told$: new Subject(), reading: new Subscription(), listeners: 0 };
    head = begun;
    join(subscriber, begun);
    const reading = bus.follow(cursor).subscribe({
      next: (batch) => {
        // Before it is told: whoever joins meanwhile begins after it.
        begun.at = batch.cursor;
        begun.told$.next(batch);
      },
      error: (error: unknown) => {
        leave(begun);
        begun.told$.error(toConductorError(error));
      },
      complete: () => {
        leave(begun);
        begun.told$.complete();
      },
    });
    begun.reading.add(reading);
  };

  const readAlone = (subscriber: Subscriber<Batch>, cursor: Cursor | undefined): void => {
    const alone = new Subscription();
    subscriber.add(alone);
    const reading = bus.follow(cursor).subscribe({
      next: (batch) => {
        if (alone.closed) return;
        subscriber.next(batch);
        if (head?.at !== batch.cursor || subscriber.closed) return;
        alone.unsubscribe();
        join(subscriber, head);
      },
      error: (error: unknown) => subscriber.error(toConductorError(error)),
      complete: () => subscriber.complete(),
    });
    alone.add(reading);
  };

  return (cursor) =>
    new Observable<Batch>((subscriber) => {
      if (head === undefined) lead(subscriber, cursor);
      else if (head.at === cursor) join(subscriber, head);
      else readAlone(subscriber, cursor);
    });
};
