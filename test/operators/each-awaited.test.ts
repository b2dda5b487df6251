import { Subject } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { eachAwaited } from '../../src/operators/each-awaited.js';

test('the work of all values is begun at once, and the end waits for it', async () => {
  const source = new Subject<number>();
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  let completed = false;
  const work = (value: number): Promise<void> => {
    begun.push(value);
    return new Promise((resolve) => ends.push(resolve));
  };
  source.pipe(eachAwaited(work)).subscribe({ complete: () => (completed = true) });
  source.next(1);
  source.next(2);
  assert.equal(begun, [1, 2]);
  source.complete();
  ends[0]!();
  await Promise.resolve();
  assert.not.ok(completed);
  ends[1]!();
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(completed);
});

test('an error of the source goes through', () => {
  const source = new Subject<number>();
  let error: unknown;
  source.pipe(eachAwaited(() => Promise.resolve())).subscribe({ error: (reason: unknown) => (error = reason) });
  const gone = new Error('gone');
  source.error(gone);
  assert.is(error, gone);
});

test.run();
