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

type Missed = 'skip' | 'once' | 'all';
const health = { name: 'x', every_ms: 10_000 };

/** Says three slots; after the first the machine sleeps for so long. */
const withSleep = (missed: Missed, sleep_ms: number): string[] => {
  const said: string[] = [];
  const scheduler = new TestScheduler(() => undefined);
  scheduler.run(({ flush }) => {
    let slept = 0;
    const clock: Clock = { now: () => scheduler.now() + slept, scheduler };
    timerSource({ ...health, missed, clock })
      .open()
      .pipe(take(3))
      .subscribe(({ drafts: [draft], settle }) => {
        const { slot, missed: count = 0 } = draft?.data as { slot: string; missed?: number };
        said.push(`${slot.slice(14, 19)}${count === 0 ? '' : ` and ${count} before`}`);
        if (said.length === 1) slept = sleep_ms;
        settle?.({ receipts: [] });
      });
    flush();
  });
  return said;
};

test('slots that a sleeping machine missed: skipped, the newest said for all, or each said', () => {
  // Woken at 00:42; the newest slot, at 00:40, is two seconds late and so still on time.
  assert.equal(withSleep('once', 32_000), ['00:10', '00:40 and 2 before', '00:50']);
  assert.equal(withSleep('skip', 32_000), ['00:10', '00:40', '00:50']);
  assert.equal(withSleep('all', 32_000), ['00:10', '00:20', '00:30']);
});

/** The first slots said after a restart, when `last` was the newest slot on the bus. */
const afterRestart = (
  options: Omit<TimerOptions, 'clock' | 'lastSlot'>,
  last: string | undefined,
  start: string,
  count: number,
): string[] => {
  const said: string[] = [];
  const scheduler = new TestScheduler(() => undefined);
  scheduler.run(({ flush }) => {
    const clock: Clock = { now: () => Date.parse(start) + scheduler.now(), scheduler };
    timerSource({ ...options, lastSlot: () => last, clock })
      .open()
      .pipe(take(count))
      .subscribe(({ drafts: [draft], settle }) => {
        said.push((draft?.data as { slot: string }).slot.replace(':00.000Z', ''));
        settle?.({ receipts: [] });
      });
    flush();
  });
  return said;
};
const nightly = { name: 'nightly', cron: '0 2 * * *', time_zone: 'Europe/Berlin' };

test('after a restart the slots since the last one that was said count as missed', () => {
  const since = (missed: Missed, count: number): string[] =>
    afterRestart({ ...nightly, missed }, '2026-01-10T01:00:00.000Z', '2026-01-13T12:00:00Z', count);
  assert.equal(since('all', 4), ['2026-01-11T01:00', '2026-01-12T01:00', '2026-01-13T01:00', '2026-01-14T01:00']);
  assert.equal(since('once', 2), ['2026-01-13T01:00', '2026-01-14T01:00']);
  assert.equal(since('skip', 1), ['2026-01-14T01:00']);
});

test('a restart within the minute of a slot misses nothing, and says no slot twice', () => {
  const at = (last: string): string[] => afterRestart({ ...nightly, missed: 'skip' }, last, '2026-01-13T01:00:30Z', 1);
  assert.equal(at('2026-01-12T01:00:00.000Z'), ['2026-01-13T01:00']);
  assert.equal(at('2026-01-13T01:00:00.000Z'), ['2026-01-14T01:00']);
});

test('a timer that never said anything has missed nothing', () => {
  for (const missed of ['once', 'all'] as const)
    assert.equal(afterRestart({ ...nightly, missed }, undefined, '2026-01-13T12:00:00Z', 1), ['2026-01-14T01:00']);
});

test('of very many missed slots the newest hundred are said', () => {
  const said = afterRestart({ ...health, missed: 'all' }, '2026-01-01T00:00:00.000Z', '2026-02-01T00:00:05Z', 101);
  assert.equal(
    [said[0], said[99], said[100]],
    ['2026-01-31T23:43:30.000Z', '2026-02-01T00:00', '2026-02-01T00:00:10.000Z'],
  );
});

test('a single moment is said once: at its time, later when it was missed, and never again', () => {
  const once = { name: 'once', at: '2026-03-01T12:00:00Z', missed: 'once' as const };
  const said = '2026-03-01T12:00:00.000Z';
  assert.equal(afterRestart(once, undefined, '2026-01-01T00:00:00Z', 9), ['2026-03-01T12:00']);
  assert.equal(afterRestart(once, undefined, '2026-03-05T00:00:00Z', 9), ['2026-03-01T12:00']);
  assert.equal(afterRestart({ ...once, missed: 'skip' }, undefined, '2026-03-05T00:00:00Z', 9), []);
  assert.equal(afterRestart(once, said, '2026-03-05T00:00:00Z', 9), []);
  const local = { name: 'once', at: '2026-07-01T12:00', time_zone: 'Europe/Berlin' };
  assert.equal(afterRestart(local, undefined, '2026-01-01T00:00:00Z', 9), ['2026-07-01T10:00']);
});

test('cron with seconds', () => {
  const often = { name: 'often', cron: '*/20 * * * * *', time_zone: 'UTC' };
  assert.equal(slots(often, '2026-01-01T00:00:05Z', 3), [
    '2026-01-01T00:00:20.000Z',
    '2026-01-01T00:00:40.000Z',
    '2026-01-01T00:01:00.000Z',
  ]);
});

test('a time that the change of the clock leaves out or repeats is said once', () => {
  const early = { name: 'early', cron: '30 2 * * *', time_zone: 'Europe/Berlin' };
  // 02:30 does not exist on 29 March and exists twice on 25 October 2026.
  assert.equal(slots(early, '2026-03-28T12:00:00Z', 2), ['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z']);
  assert.equal(slots(early, '2026-10-24T12:00:00Z', 2), ['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z']);
  const hourly = { name: 'hourly', cron: '0 * * * *', time_zone: 'Europe/Berlin' };
  const hours = slots(hourly, '2026-10-24T23:30:00Z', 4).map((slot) => slot.slice(11, 13));
  assert.equal(hours, ['00', '01', '02', '03']);
});

test('a clock that is set back says no slot a second time', () => {
  const said: string[] = [];
  const scheduler = new TestScheduler(() => undefined);
  scheduler.run(({ flush }) => {
    let set = 0;
    const clock: Clock = { now: () => scheduler.now() + set, scheduler };
    timerSource({ ...health, clock })
      .open()
      .pipe(take(3))
      .subscribe(({ drafts: [draft], settle }) => {
        said.push((draft?.data as { slot: string }).slot.slice(14, 19));
        if (said.length === 1) set = -5_000;
        settle?.({ receipts: [] });
      });
    flush();
  });
  assert.equal(said, ['00:10', '00:20', '00:30']);
});

const wrong: [string, Omit<TimerOptions, 'clock'>, RegExp][] = [
  ['neither every nor cron', { name: 'x' }, /every.*cron/],
  ['both', { name: 'x', every_ms: 1, cron: '* * * * *' }, /every.*cron/],
  ['no time at all', { name: 'x', every_ms: 0 }, /every/],
  ['no moment', { name: 'x', at: 'tomorrow' }, /timers\.x.*tomorrow.*2027/],
  ['a day that is none', { name: 'x', at: '2027-02-30T12:00:00Z' }, /02-30/],
  ['seven fields', { name: 'x', cron: '0 0 0 1 1 * 2027' }, /cron/],
  ['no cron', { name: 'x', cron: 'whenever' }, /timers\.x.*whenever/],
  ['a day that never comes', { name: 'x', cron: '0 0 30 2 *' }, /never comes/],
  ['a misspelt time zone', { name: 'x', cron: '* * * * *', time_zone: 'Europe/Berln' }, /"Europe\/Berlin"\?/],
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
