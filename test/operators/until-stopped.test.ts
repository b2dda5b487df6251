import { mergeMap, of } from 'rxjs';
import { test } from 'uvu';
import { untilStopped } from '../../src/operators/until-stopped.js';
import { marbles } from '../support/marbles.js';

test(
  'a stop takes nothing new, lets what has begun finish, and then completes',
  marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
    const source = hot('   -a-b-c-d-');
    const stop = hot('     ----s----');
    const expected = '     ----a-(b|)';
    const work = (value: string) => cold('---(v|)').pipe(mergeMap(() => of(value)));
    expectObservable(source.pipe(untilStopped(stop), mergeMap(work))).toBe(expected);
    expectSubscriptions(source.subscriptions).toBe('^---!');
  }),
);

test(
  'with nothing at work a stop is the end',
  marbles(({ hot, expectObservable }) => {
    expectObservable(hot('-a-----').pipe(untilStopped(hot('---s')))).toBe('-a-|');
  }),
);

test(
  'a stop that will never come stops nothing',
  marbles(({ hot, cold, expectObservable }) => {
    expectObservable(hot('-a-b-|').pipe(untilStopped(cold('-|')))).toBe('-a-b-|');
  }),
);

test.run();
