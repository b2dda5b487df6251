import { test } from 'uvu';
import { marbles } from '../support/marbles.js';
import { flowing } from './world.js';

const rule = (flow: string, on = 'A'): string => `rules: [{ id: r, on: ${on}, do: h, ${flow} }]`;

/** Draws: events above, starts below; a number is of how many events the start was made. Every letter is an A of key `k`. */
const draws = (
  title: string,
  flow: string,
  events: string,
  starts: string,
  of: (letter: string) => [string, Record<string, unknown>] = () => ['A', { k: 1 }],
  on = 'A',
): void =>
  test(
    title,
    marbles(({ hot, expectObservable }, scheduler) => {
      const starts$ = hot(events).pipe(flowing(rule(flow, on), scheduler, of));
      expectObservable(starts$, `^ ${events.replace(/./g, '-')} 200ms !`).toBe(starts);
    }),
  );

const keyed = (letter: string): [string, Record<string, unknown>] => ['A', { k: letter }];
const typed = (letter: string): [string, Record<string, unknown>] => [letter.toUpperCase(), {}];

draws(
  'throttle: the first of a window starts, the rest is dropped',
  'throttle: { within: 5ms }',
  'aaa---a-a-',
  '1-----1---',
);
draws('throttle: first n of a window', 'throttle: { first: 2, within: 5ms }', 'aaa--aa-a-', '11---11---');
draws(
  'throttle: each key has a window of its own',
  'throttle: { within: 5ms, per: data.k }',
  'aabba--',
  '1-1----',
  keyed,
);
draws(
  'debounce: one start, after quiet, of all that came',
  'debounce: { quiet: 3ms }',
  'aaa-------a----',
  '-----3-------1-',
);
draws(
  'debounce: max_wait starts it though it is never quiet',
  'debounce: { quiet: 3ms, max_wait: 5ms }',
  'aaaaaaaaaaa-----',
  '-----5----5--1--',
);
draws('debounce: each key waits for itself', 'debounce: { quiet: 3ms, per: data.k }', 'aab------', '----21---', keyed);
draws(
  'threshold: n in a window start once, then it counts anew',
  'threshold: { at_least: 3, within: 6ms }',
  'a-a-a-a-a-a',
  '----3-----3',
);
draws(
  'threshold: what is too old does not count',
  'threshold: { at_least: 3, within: 5ms }',
  'a--a--a-a-a',
  '----------3',
);
draws(
  'sustained: starts when it was so for long enough, once',
  'match: { type: A }, sustained: { for: 4ms }',
  'a-a---a----',
  '----2------',
  typed,
  '[A, B]',
);
draws(
  'sustained: an event that does not match ends it',
  'match: { type: A }, sustained: { for: 4ms }',
  'a-b--a-----',
  '---------1-',
  typed,
  '[A, B]',
);
draws(
  'sustained: after it ended it may start again',
  'match: { type: A }, sustained: { for: 2ms }',
  'a----b-a----',
  '--1------1--',
  typed,
  '[A, B]',
);
draws(
  'all: starts when every part came',
  'priority: 50',
  'a--b---b--',
  '---2------',
  typed,
  '{ all: [A, B], within: 6ms }',
);
draws(
  'all: parts that are too far apart do not belong together',
  'priority: 50',
  'a------b-a',
  '---------2',
  typed,
  '{ all: [A, B], within: 6ms }',
);
draws(
  'all: at the end of the time it is too late',
  'priority: 50',
  'a---b--a-',
  '-------2-',
  typed,
  '{ all: [A, B], within: 4ms }',
);
draws(
  'all: an event that could be several parts is the one that is missing',
  'priority: 50',
  'a-b-b-b--a',
  '--2---2---',
  typed,
  '{ all: [{ on: [A, B] }, B], within: 6ms }',
);
draws(
  'all: the same part twice is one part',
  'priority: 50',
  'aaa-b----',
  '----4----',
  typed,
  '{ all: [A, B], within: 6ms }',
);
draws(
  'any: starts with the first, the others belong to it',
  'priority: 50',
  'ab-a---b--',
  '1------1--',
  typed,
  '{ any: [A, B], within: 6ms }',
);
draws(
  'not_all: starts when a part did not come',
  'priority: 50',
  'a---------',
  '------1---',
  typed,
  '{ not_all: [A, B], within: 6ms }',
);
draws(
  'not_all: nothing when all came',
  'priority: 50',
  'a---b-----',
  '----------',
  typed,
  '{ not_all: [A, B], within: 6ms }',
);
draws(
  'not_all: what comes late gives no second alarm',
  'priority: 50',
  'a-------b-----------',
  '------1-------------',
  typed,
  '{ not_all: [A, B], within: 6ms }',
);
draws(
  'not_all: after an alarm a part that came before it begins anew',
  'priority: 50',
  'a-------a-----------',
  '------1-------1-----',
  typed,
  '{ not_all: [A, B], within: 6ms }',
);
draws(
  'not_all by key',
  'priority: 50',
  'ab--c-----',
  '------1---',
  (letter) => [letter === 'c' ? 'DONE' : 'ASKED', { k: letter === 'c' ? 'a' : letter }],
  '{ not_all: [ASKED, DONE], within: 5ms, by: data.k }',
);
draws(
  'not_all: a part that opens nothing completes, and is no alarm by itself',
  'priority: 50',
  'b-b-a--b-b-a---------',
  '-----------------1---',
  typed,
  '{ not_all: [A, { on: B, opens: false }], within: 6ms }',
);
draws(
  'not_all: such a part comes late, and what opens begins anew',
  'priority: 50',
  'a-----b-b-a---------',
  '----1---------1-----',
  typed,
  '{ not_all: [A, { on: B, opens: false }], within: 4ms }',
);
draws(
  'all: one after the other, where the second opens nothing',
  'priority: 50',
  'ba-b-b-a----b',
  '---2---------',
  typed,
  '{ all: [A, { on: B, opens: false }], within: 4ms }',
);
draws(
  'any: at the end of the time the next begins',
  'priority: 50',
  'a--ab---',
  '1---1---',
  typed,
  '{ any: [A, B], within: 4ms }',
);
draws(
  'any: what opens nothing only belongs to what came before',
  'priority: 50',
  'bab----b-a',
  '-1-------1',
  typed,
  '{ any: [A, { on: B, opens: false }], within: 4ms }',
);
draws(
  'threshold then debounce: three make one, quiet lets it go',
  'threshold: { at_least: 3, within: 9ms }, debounce: { quiet: 3ms }',
  'aaa--------',
  '-----3-----',
);
draws(
  'debounce then throttle: the second burst is dropped',
  'debounce: { quiet: 2ms }, throttle: { within: 9ms }',
  'aa----aa----',
  '---2--------',
);
draws(
  'threshold then throttle',
  'threshold: { at_least: 2, within: 9ms }, throttle: { within: 9ms }',
  'aaaa-------aa-',
  '-2----------2-',
);
draws(
  'all then throttle',
  'throttle: { within: 20ms }',
  'ab-ab-----',
  '-2--------',
  typed,
  '{ all: [A, B], within: 6ms }',
);
draws(
  'all then debounce',
  'debounce: { quiet: 4ms }',
  'ab-ab-----',
  '--------4-',
  typed,
  '{ all: [A, B], within: 6ms }',
);
draws(
  'sustained then throttle',
  'match: { type: A }, sustained: { for: 2ms }, throttle: { within: 30ms }',
  'a---b-a-----',
  '--1---------',
  typed,
  '[A, B]',
);
draws(
  'not_all then debounce: alarms of a moment are one',
  'debounce: { quiet: 4ms }',
  'ab--------------',
  '----------2-----',
  keyed,
  '{ not_all: [A, B], within: 5ms, by: data.k }',
);

draws(
  'all then threshold: two pairs make one start',
  'threshold: { at_least: 2, within: 9ms }',
  'ab-ab-----',
  '----2-----',
  typed,
  '{ all: [A, B], within: 4ms }',
);
draws(
  'any then threshold: what belongs to the first does not count',
  'threshold: { at_least: 2, within: 20ms }',
  'ab----a---',
  '------2---',
  typed,
  '{ any: [A, B], within: 4ms }',
);
draws(
  'any then debounce: quiet after the first of each time',
  'debounce: { quiet: 3ms }',
  'ab--------',
  '---1------',
  typed,
  '{ any: [A, B], within: 6ms }',
);
draws(
  'any then throttle',
  'throttle: { within: 20ms }',
  'a-----b---',
  '1---------',
  typed,
  '{ any: [A, B], within: 4ms }',
);
draws(
  'not_all then throttle: the second alarm is dropped',
  'throttle: { within: 30ms, per: type }',
  'ab------------',
  '-----1--------',
  keyed,
  '{ not_all: [A, B], within: 5ms, by: data.k }',
);
draws(
  'not_all then threshold: two alarms make one start',
  'threshold: { at_least: 2, within: 20ms }',
  'ab------------',
  '------2-------',
  keyed,
  '{ not_all: [A, B], within: 5ms, by: data.k }',
);
draws(
  'threshold then sustained: three of them, and for so long',
  'match: { type: A }, threshold: { at_least: 3, within: 9ms }, sustained: { for: 3ms }',
  'aaa--------',
  '-----3-----',
  typed,
  '[A, B]',
);
draws(
  'threshold then sustained: ended in between, it does not start',
  'match: { type: A }, threshold: { at_least: 3, within: 9ms }, sustained: { for: 3ms }',
  'aaab-------',
  '-----------',
  typed,
  '[A, B]',
);
draws(
  'sustained then debounce',
  'match: { type: A }, sustained: { for: 2ms }, debounce: { quiet: 3ms }',
  'a----------',
  '-----1-----',
  typed,
  '[A, B]',
);

test.run();
