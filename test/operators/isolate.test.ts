import { mergeMap, of } from 'rxjs';
import { test } from 'uvu';
import { isolate } from '../../src/operators/isolate.js';
import { marbles } from '../support/marbles.js';

const failed = (error: unknown, value: string) => `${value}:${String(error)}`;

test(
  'a projection that fails says so, and its neighbours go on',
  marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
    const source = hot('-a-b-----c-|');
    const good = cold('   --x--y|');
    const bad = cold('    --#', undefined, 'oops');
    const expected = '  ---x-fy----x--y|';
    const said$ = source.pipe(mergeMap(isolate((value) => (value === 'b' ? bad : good), failed)));
    expectObservable(said$).toBe(expected, { x: 'x', y: 'y', f: 'b:oops' });
    expectSubscriptions(source.subscriptions).toBe('^----------!');
  }),
);

test(
  'a projection that throws at once is a failure like any other',
  marbles(({ hot, expectObservable }) => {
    const source = hot('-a-b-c-|');
    const said$ = source.pipe(
      mergeMap(
        isolate((value) => {
          if (value === 'b') throw 'oops' as unknown as Error;
          return of(value);
        }, failed),
      ),
    );
    expectObservable(said$).toBe('-a-f-c-|', { a: 'a', f: 'b:oops', c: 'c' });
  }),
);

test.run();
