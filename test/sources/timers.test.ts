import { map, take, tap } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TestScheduler } from 'rxjs/testing';
import { ConductorError } from '../../src/core/errors.js';
import type { Clock } from '../../src/core/ports.js';
import { timerSource, type TimerOptions } from '../../src/sources/timers.js';

/** Runs a timer in virtual time that begins at `start`; gives the first slots it said. */
const slots = (options: Omit<TimerOptions, 'clock'>, start: string, count: number): string[] => {
  const said: string[] = [];
  const scheduler = new TestScheduler(() => undefined);
  scheduler.run(({ flush }) => {
    const clock: Clock = { now: () => Date.parse(start) + scheduler.now(), scheduler };
    timerSource({ ...options, clock })
      .open()
      .pipe(
        tap(({ settle }) => settle?.({ receipts: [] })),
        map(({ drafts }) => drafts[0]),
        take(count),
      )
      .subscribe((draft) => {
        const slot = (draft?.data as { slot: string }).slot;
        assert.is(draft?.type, 'TIMER_FIRED');
        assert.is(draft?.dedupe_key, `timer:${options.name}:${slot}`);
        assert.is(new Date(clock.now()).toISOString(), slot);
        said.push(slot);
      });
    flush();
  });
  return said;
};

test('every: slots are the same whenever the service began', () => {
  const every = { name: 'health', every_ms: 60_000 };
  const from = (start: string): string[] => slots(every, start, 3);
  const expected = ['2026-01-01T00:01:00.000Z', '2026-01-01T00:02:00.000Z', '2026-01-01T00:03:00.000Z'];
  assert.equal(from('2026-01-01T00:00:00.001Z'), expected);
  assert.equal(from('2026-01-01T00:00:59.999Z'), expected);
});

test('cron: in its time zone, across the change of summer time', () => {
  const nightly = { name: 'nightly', cron: '0 2 * * *', time_zone: 'America/New_York' };
  assert.equal(slots(nightly, '2026-01-10T00:00:00Z', 2), ['2026-01-10T07:00:00.000Z', '2026-01-11T07:00:00.000Z']);
  const noon = { name: 'noon', cron: '0 12 * * *', time_zone: 'Europe/Berlin' };
  assert.equal(slots(noon, '2026-03-28T00:00:00Z', 2), ['2026-03-28T11:00:00.000Z', '2026-03-29T10:00:00.000Z']);
});

test('a wait longer than a timer can take', () => {
  assert.equal(slots({ name: 'yearly', cron: '0 0 1 1 *', time_zone: 'UTC' }, '2026-02-01T00:00:00Z', 1), [
    '2027-01-01T00:00:00.000Z',
  ]);
});

test('what could not be stored is offered again, with the same key', () => {
  const keys: (string | undefined)[] = [];
  const scheduler = new TestScheduler(() => undefined);
  scheduler.run(({ flush }) => {
    const clock: Clock = { now: () => scheduler.now(), scheduler };
    timerSource({ name: 'x', every_ms: 3_600_000, clock })
      .open()
      .pipe(take(3))
      .subscribe(({ drafts, settle }) => {
        keys.push(drafts[0]?.dedupe_key);
        settle?.(keys.length < 2 ? { error: new Error('no space') } : { receipts: [] });
      });
    flush();
  });
  assert.equal(keys, [
    'timer:x:1970-01-01T01:00:00.000Z',
    'timer:x:1970-01-01T01:00:00.000Z',
    'timer:x:1970-01-01T02:00:00.000Z',
  ]);
});

test('slots slept through are said once', () => {
  const said: string[] = [];
  const scheduler = new TestScheduler(() => undefined);
  scheduler.run(({ flush }) => {
    let slept = 0;
    const clock: Clock = { now: () => scheduler.now() + slept, scheduler };
    timerSource({ name: 'x', every_ms: 10_000, clock })
      .open()
      .pipe(take(3))
      .subscribe(({ drafts }) => {
        said.push((drafts[0]?.data as { slot: string }).slot.slice(14, 19));
        if (said.length === 1) slept = 300_000;
      });
    flush();
  });
  assert.equal(said, ['00:10', '00:20', '05:20']);
});

const wrong: [string, Omit<TimerOptions, 'clock'>, RegExp][] = [
  ['neither every nor cron', { name: 'x' }, /every.*cron/],
  ['both', { name: 'x', every_ms: 1, cron: '* * * * *' }, /every.*cron/],
  ['no time at all', { name: 'x', every_ms: 0 }, /every/],
  ['no cron', { name: 'x', cron: 'whenever' }, /timers\.x.*whenever/],
  ['no time zone', { name: 'x', cron: '* * * * *', time_zone: 'Mars/Olympus' }, /Mars/],
];
for (const [name, options, message] of wrong) {
  test(`a timer that is wrong says so before it runs: ${name}`, () => {
    const clock = { now: () => 0 } as Clock;
    assert.throws(
      () => timerSource({ ...options, clock }),
      (error: unknown) =>
        error instanceof ConductorError && error.code === 'configuration' && message.test(error.message),
    );
  });
}

test.run();
