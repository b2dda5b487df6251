import { Observable, Subject, concatMap, defer, from, tap, toArray, lastValueFrom } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../../src/core/event.js';
import type { Batch } from '../../src/core/ports.js';
import { paced } from '../../src/operators/paced.js';

const batch = (n: number): Batch => ({ events: [{} as Event], cursor: String(n), damaged: [] });
const numberOf = ({ cursor }: Batch): number => Number(cursor);

/** A bus of `end` batches that are told as fast as they are listened to; `read`: how often each was told. */
const numbers = (end: number) => {
  const read = new Map<number, number>();
  const follow = (cursor?: string) =>
    new Observable<Batch>((subscriber) => {
      for (let n = Number(cursor ?? 0) + 1; n <= end && !subscriber.closed; n++) {
        read.set(n, (read.get(n) ?? 0) + 1);
        subscriber.next(batch(n));
      }
      if (!subscriber.closed) subscriber.complete();
    });
  return { read, follow };
};

test('what waits for somebody slow has a bound, and each batch comes once, in order', async () => {
  const bus = numbers(100);
  const { batches$, done } = paced(bus, undefined, { most: 8, wanted: () => true });
  let worked = 0;
  let ahead = 0;
  const slowly = (one: Batch) =>
    defer(async () => {
      await new Promise(setImmediate);
      ahead = Math.max(ahead, bus.read.size - worked);
      return numberOf(one);
    }).pipe(tap({ complete: () => ((worked += 1), done(one)) }));
  const heard = await lastValueFrom(batches$.pipe(concatMap(slowly), toArray()));
  assert.equal(
    heard,
    Array.from({ length: 100 }, (_, n) => n + 1),
  );
  assert.ok([...bus.read.values()].every((times) => times === 1));
  assert.ok(ahead >= 4 && ahead <= 8, `${ahead} ahead`);
});

test('who is as fast as the bus reads on, and what nobody wants does not count', async () => {
  const bus = numbers(50);
  const { batches$, done } = paced(bus, '10', { most: 2, wanted: (one) => numberOf(one) % 10 === 0 });
  const heard = await lastValueFrom(batches$.pipe(tap(done), toArray()));
  assert.equal(heard.map(numberOf), [20, 30, 40, 50]);
});

test('who leaves leaves the bus, also while it is full; an error is told', () => {
  let readings = 0;
  const failing$ = new Subject<never>();
  const follow = () =>
    new Observable<Batch>((subscriber) => {
      readings += 1;
      subscriber.add(() => (readings -= 1));
      subscriber.add(failing$.subscribe(subscriber));
      from([1, 2, 3]).subscribe((n) => subscriber.next(batch(n)));
    });
  const full = paced({ follow }, undefined, { most: 3, wanted: () => true });
  const left = full.batches$.subscribe();
  assert.is(readings, 0, 'nothing is read while it is full');
  left.unsubscribe();
  for (const n of [1, 2, 3]) full.done(batch(n));
  assert.is(readings, 0);

  const errors: unknown[] = [];
  const other = paced({ follow }, undefined, { most: 9, wanted: () => true });
  other.batches$.subscribe({ error: (error: unknown) => errors.push(error) });
  assert.is(readings, 1);
  failing$.error(new Error('broken'));
  assert.match(String(errors), /broken/);
});

test.run();
