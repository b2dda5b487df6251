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

/** Somebody who waits for the others to come. */
interface Early {
  subscriber: Subscriber<Batch>;
  cursor: Cursor | undefined;
}

/**
 * One reading of the bus for all who stand at the same place. Who begins elsewhere reads alone, until it stands where
 * the others do. Nothing is read before `awaited` have come, so that those who begin at one place are told by one reading.
 */
export const shareFollow = (bus: Pick<Bus, 'follow'>, awaited = 1): Bus['follow'] => {
  let head: Head | undefined;
  let early: Early[] | undefined = [];

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

  /** For the first of all: the others join when they can. */
  const lead = (subscribers: readonly Subscriber<Batch>[], cursor: Cursor | undefined): void => {
    const begun: Head = { at: cursor, told$: new Subject(), reading: new Subscription(), listeners: 0 };
    head = begun;
    for (const subscriber of subscribers) join(subscriber, begun);
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

  const begin = ({ subscriber, cursor }: Early): void => {
    if (head === undefined) lead([subscriber], cursor);
    else if (head.at === cursor) join(subscriber, head);
    else readAlone(subscriber, cursor);
  };

  const beginAll = (all: readonly Early[]): void => {
    const from = all[0]?.cursor;
    const beside = all.filter(({ cursor }) => cursor === from);
    lead(
      beside.map(({ subscriber }) => subscriber),
      from,
    );
    for (const one of all) if (one.cursor !== from) begin(one);
  };

  return (cursor) =>
    new Observable<Batch>((subscriber) => {
      const one = { subscriber, cursor };
      if (early === undefined) return begin(one);
      early.push(one);
      if (early.length < awaited) return;
      const all = early.filter((each) => !each.subscriber.closed);
      early = undefined;
      beginAll(all);
    });
};
