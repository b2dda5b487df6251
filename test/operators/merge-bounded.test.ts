import { EMPTY, NEVER, Observable, Subject, concat, defer, mergeMap, of, range, timer } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { mergeBounded } from '../../src/operators/merge-bounded.js';
import { marbles } from '../support/marbles.js';

const overflow = (value: string) => value.toUpperCase();

test(
  'so many run, so many wait in order, and the rest is said at once',
  marbles(({ hot, cold, expectObservable }) => {
    //                   a and b run, c waits, d finds no place; e takes the place c left
    const source = hot('-abcd----e------|');
    const work = (value: string) => cold('-----(v|)').pipe(mergeMap(() => of(value)));
    const expected = '  ----D-ab---c--e-|';
    expectObservable(source.pipe(mergeBounded(work, { concurrency: 2, queue: 1, overflow }))).toBe(expected);
  }),
);

test(
  'the stream ends when those that waited have ended',
  marbles(({ hot, cold, expectObservable }) => {
    const source = hot('-ab|');
    const work = (value: string) => cold('---(v|)').pipe(mergeMap(() => of(value)));
    expectObservable(source.pipe(mergeBounded(work, { concurrency: 1, queue: 9, overflow }))).toBe('----a--(b|)');
  }),
);

test(
  'a failure that nobody isolated ends the stream',
  marbles(({ hot, cold, expectObservable }) => {
    const source = hot('-ab|');
    expectObservable(source.pipe(mergeBounded(() => cold('--#'), { concurrency: 1, queue: 9, overflow }))).toBe('---#');
  }),
);

test('whoever unsubscribes starts nothing that waited', () => {
  const started: number[] = [];
  const ended: number[] = [];
  const work = (value: number) =>
    new Observable<never>(() => {
      started.push(value);
      return () => ended.push(value);
    });
  const running = range(1, 5)
    .pipe(mergeBounded(work, { concurrency: 2, queue: 9, overflow: () => 0 }))
    .subscribe();
  running.unsubscribe();
  assert.equal(started, [1, 2]);
  assert.equal(ended, [1, 2]);
});

test('a long queue of instant work does not use up the stack', () => {
  const first = new Subject<number>();
  let said = 0;
  let completed = false;
  range(0, 10_000)
    .pipe(
      mergeBounded((value) => (value === 0 ? first : of(value)), { concurrency: 1, queue: 10_000, overflow: () => -1 }),
    )
    .subscribe({ next: () => (said += 1), complete: () => (completed = true) });
  assert.is(said, 0);
  first.complete();
  assert.is(said, 9_999);
  assert.ok(completed);
});

test(
  'each subscriber has a queue of its own',
  marbles(({ cold, expectObservable }) => {
    const source = cold('a|');
    const said$ = source.pipe(
      mergeBounded(() => concat(timer(2), EMPTY), { concurrency: 1, queue: 0, overflow: () => 0 }),
    );
    expectObservable(said$).toBe('--(a|)', { a: 0 });
    expectObservable(said$).toBe('--(a|)', { a: 0 });
  }),
);

test('a value that finds the door busy from within a run waits its turn', () => {
  const source = new Subject<string>();
  const said: string[] = [];
  const work = (value: string) =>
    defer(() => {
      if (value === 'a') source.next('b');
      return value === 'b' ? of(value) : concat(of(value), value === 'c' ? NEVER : EMPTY);
    });
  const running = source
    .pipe(mergeBounded(work, { concurrency: 1, queue: 1, overflow }))
    .subscribe((value) => said.push(value));
  source.next('a');
  assert.equal(said, ['a', 'b']);
  source.next('c');
  source.next('d');
  source.next('e');
  assert.equal(said, ['a', 'b', 'c', 'E']);
  running.unsubscribe();
});

test.run();
