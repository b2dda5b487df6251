import { Observable, Subject } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { keepOpen } from '../../src/operators/keep-open.js';
import { marbles } from '../support/marbles.js';

test(
  'what stays in the set goes on, what leaves it is closed, and the end is that of all',
  marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
    const sets = hot('  a-b--c-|', { a: ['x'], b: ['x', 'y'], c: ['y'] });
    const x = cold('    1-1-1-1-1-1|');
    const y = cold('      ---2--2--|');
    const of: Record<string, typeof x> = { x, y };
    const all$ = sets.pipe(keepOpen((name: string) => of[name]!));
    expectObservable(all$).toBe('           1-1-12--2--|');
    expectSubscriptions(x.subscriptions).toBe('^----!');
    expectSubscriptions(y.subscriptions).toBe('--^--------!');
  }),
);

test('unsubscribing closes all of them', () => {
  const sets = new Subject<readonly string[]>();
  let open = 0;
  const one = new Observable<never>(() => {
    open += 1;
    return () => (open -= 1);
  });
  const running = sets.pipe(keepOpen(() => one)).subscribe();
  sets.next(['a', 'b']);
  sets.next(['a', 'b']);
  assert.is(open, 2);
  running.unsubscribe();
  assert.is(open, 0);
});

test.run();
