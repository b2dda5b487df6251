import { defer, of, throwError } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { reopen, type Reopening } from '../../src/operators/reopen.js';
import { marbles } from '../support/marbles.js';

const backoff = { base_ms: 2, cap_ms: 6 };

test(
  'a source that fails is opened again, later each time up to the cap, and each failure is told',
  marbles(({ cold, expectObservable, expectSubscriptions, flush }, scheduler) => {
    const source = cold('#', undefined, 'gone');
    const failures: Parameters<Reopening['failed']>[0][] = [];
    const opened$ = source.pipe(
      reopen({ backoff, random: () => 0.999_999, scheduler, failed: (failure) => failures.push(failure) }),
    );
    // Full jitter stays below the bound: floor(0.999… · 2, 4, 6, 6) = 1, 3, 5, 5.
    expectObservable(opened$, '----------!').toBe('-----------');
    expectSubscriptions(source.subscriptions).toBe(['(^!)', '-(^!)', '----(^!)', '---------(^!)']);
    flush();
    assert.equal(failures, [
      { error: 'gone', failures: 1, delay_ms: 1 },
      { error: 'gone', failures: 2, delay_ms: 3 },
      { error: 'gone', failures: 3, delay_ms: 5 },
      { error: 'gone', failures: 4, delay_ms: 5 },
    ]);
  }),
);

test(
  'one that speaks and fails each time is opened later each time',
  marbles(({ cold, expectObservable, flush }, scheduler) => {
    const counts: number[] = [];
    const source = cold('-a-#');
    const opened$ = source.pipe(
      reopen({ backoff, random: () => 0.5, scheduler, failed: ({ failures }) => counts.push(failures) }),
    );
    // Half of 2, 4, 6: it fails at 3, 7, 12.
    expectObservable(opened$, '^-------------!').toBe('-a---a----a---');
    flush();
    assert.equal(counts, [1, 2, 3]);
  }),
);

test(
  'one that lived as long as the longest pause starts the count anew',
  marbles(({ cold, expectObservable, flush }, scheduler) => {
    const counts: number[] = [];
    const source = cold('------#');
    const opened$ = source.pipe(
      reopen({ backoff, random: () => 0.5, scheduler, failed: ({ failures }) => counts.push(failures) }),
    );
    expectObservable(opened$, '^-------------------!').toBe('--------------------');
    flush();
    assert.equal(counts, [1, 1]);
  }),
);

test(
  'the jitter is a draw from nothing to the bound',
  marbles(({ expectObservable }, scheduler) => {
    let openings = 0;
    const source = defer(() => {
      openings += 1;
      return openings < 3 ? throwError(() => new Error('gone')) : of('a');
    });
    const draws = [0, 0.75];
    const opened$ = source.pipe(
      reopen({ backoff, random: () => draws.shift() ?? NaN, scheduler, failed: () => undefined }),
    );
    expectObservable(opened$).toBe('---(a|)');
  }),
);

test(
  'a source that ends has ended',
  marbles(({ cold, expectObservable }, scheduler) => {
    const source = cold('-a-|');
    expectObservable(
      source.pipe(reopen({ backoff, random: () => 0, scheduler, failed: () => assert.unreachable() })),
    ).toBe('-a-|');
  }),
);

test.run();
