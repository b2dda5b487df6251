import { Subject, of, type Observable } from 'rxjs';
import { TestScheduler, type RunHelpers } from 'rxjs/testing';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { concatJoined } from '../../src/operators/concat-joined.js';

const run = (body: (helpers: RunHelpers) => void): void =>
  new TestScheduler((actual, expected) => assert.equal(actual, expected)).run(body);

const short = (waiting: string, value: string): string | undefined =>
  waiting.length < 2 && value !== 'x' && waiting !== 'x' ? waiting + value : undefined;

test('what waits while one is at work is joined and worked off as one', () => {
  run(({ cold, expectObservable }) => {
    const source = cold('a-b-c-----d|');
    const work = (value: string) => cold('------(v|)', { v: value });
    expectObservable(source.pipe(concatJoined(work, short))).toBe('------a-----v-----(d|)', {
      a: 'a',
      v: 'bc',
      d: 'd',
    });
  });
});

test('what cannot be joined has a turn of its own, in the order in which it came', () => {
  run(({ cold, expectObservable }) => {
    const source = cold('a-b-x-c-d-e|');
    const work = (value: string) => cold('----------(v|)', { v: value });
    expectObservable(source.pipe(concatJoined(work, short))).toBe(
      '----------a---------b---------x---------p---------(e|)',
      { a: 'a', b: 'b', x: 'x', p: 'cd', e: 'e' },
    );
  });
});

test('an error of the work ends it, and what waits is not begun', () => {
  const source = new Subject<string>();
  const first = new Subject<string>();
  const begun: string[] = [];
  const errors: unknown[] = [];
  const work = (value: string): Observable<string> => {
    begun.push(value);
    return value === 'a' ? first : of(value);
  };
  source.pipe(concatJoined(work, short)).subscribe({ error: (error: unknown) => errors.push(error) });
  source.next('a');
  source.next('b');
  const gone = new Error('gone');
  first.error(gone);
  assert.equal(errors, [gone]);
  assert.equal(begun, ['a']);
});

test.run();
