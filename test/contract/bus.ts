/** What every bus keeps to. */
import { asyncScheduler, type Subscription } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConductorError, toConductorError, type ErrorCode } from '../../src/core/errors.js';
import type { Event } from '../../src/core/event.js';
import type { Batch, Bus, BusQuery, Clock, Cursor } from '../../src/core/ports.js';
import { until } from '../support/service.js';

export interface Opened {
  bus: Bus;
  done(): Promise<void>;
}

/** A clock that the test sets. */
export const handClock = (start = Date.UTC(2026, 10, 21, 1, 30)): Clock & { time: number } => ({
  time: start,
  now() {
    return this.time;
  },
  scheduler: asyncScheduler,
});

export const all = async (events: AsyncIterable<Event>): Promise<Event[]> => {
  const found: Event[] = [];
  for await (const event of events) found.push(event);
  return found;
};

export const bodies = async (bus: Bus, query?: BusQuery): Promise<string[]> =>
  (await all(bus.read(query))).map(({ body }) => body);

export const refused = async (code: ErrorCode, attempt: () => Promise<unknown>): Promise<ConductorError> => {
  try {
    await attempt();
  } catch (error) {
    assert.instance(error, ConductorError);
    assert.is((error as ConductorError).code, code);
    return error as ConductorError;
  }
  throw new Error(`was not refused with ${code}`);
};

export interface Watching {
  events: Event[];
  batches: Batch[];
  /** Resolves when so many events have come. */
  count(events: number): Promise<void>;
  stop(): void;
}

export const watchBus = (bus: Bus, cursor?: Cursor): Watching => {
  const events: Event[] = [];
  const batches: Batch[] = [];
  let failed: unknown;
  let check = (): void => undefined;
  const subscription: Subscription = bus.follow(cursor).subscribe({
    next: (batch) => {
      batches.push(batch);
      events.push(...batch.events);
      check();
    },
    error: (error: unknown) => {
      failed = error;
      check();
    },
  });
  return {
    events,
    batches,
    count: (wanted) =>
      new Promise<void>((resolve, reject) => {
        check = () => {
          if (failed) reject(toConductorError(failed));
          else if (events.length >= wanted) resolve();
        };
        check();
      }),
    stop: () => {
      subscription.unsubscribe();
    },
  };
};

export const busContract = (name: string, open: (clock: Clock) => Promise<Opened>): void => {
  const test = suite(name);

  const withBus = (title: string, check: (bus: Bus, clock: Clock & { time: number }) => Promise<void>): void => {
    test(title, async () => {
      const clock = handClock();
      const { bus, done } = await open(clock);
      try {
        await check(bus, clock);
      } finally {
        await done();
      }
    });
  };

  withBus('an empty bus has nothing to read', async (bus) => {
    assert.equal(await bodies(bus), []);
    assert.equal(await bodies(bus, { tail: 3 }), []);
    assert.equal(await bus.append([]), []);
  });

  withBus('a message comes back whole, with its defaults', async (bus) => {
    const [receipt] = await bus.append([{ type: 'codePushed', body: 'hello', data: { a: [1, null, 'ü'] } }]);
    const [event] = await all(bus.read());
    assert.match(receipt?.msg_id ?? '', /^MSG-20261121-013000-\d{9}-PID\d+-\d+$/);
    assert.is(receipt?.duplicate, false);
    assert.equal(event, {
      msg_id: receipt?.msg_id,
      ts: '2026-11-21T01:30:00.000Z',
      type: 'CODE_PUSHED',
      project_id: 'default',
      source: 'cli',
      parents: [],
      depth: 0,
      data: { a: [1, null, 'ü'] },
      trust: 'full',
      body: 'hello',
      sealed: true,
      authentic: false,
    });
  });

  withBus('every field comes back', async (bus) => {
    const draft = {
      type: 'TEST_FAILED',
      project_id: 'shop',
      task_id: 't-1',
      run_id: 'r 1: "odd"',
      source: 'webhook:github',
      actor: 'anna',
      depth: 3,
      parents: [{ msg_id: 'MSG-x', kind: 'caused_by' }],
      dedupe_key: 'gh:1',
      data: { line: 'a\nb\u2028c' },
      trust: 'outside' as const,
      body: '---\nmsg_id: no\n---\n',
      meta: { k: 'v' },
      links: [{ url: 'https://example.org', label: 'l' }],
      issue_id: '#4',
    };
    const [receipt] = await bus.append([draft]);
    const [event] = await all(bus.read());
    assert.equal(event, { ...draft, msg_id: receipt?.msg_id, ts: event?.ts, sealed: true, authentic: false });
  });

  withBus('a bad draft is refused by the name of its field, and nothing of the call is written', async (bus) => {
    const cases: [Record<string, unknown>, RegExp][] = [
      [{ type: '' }, /^type/],
      [{ type: 'A', project_id: '../etc' }, /^project_id/],
      [{ type: 'A', task_id: 'a/b' }, /^task_id/],
      [{ type: 'A', depth: -1 }, /^depth/],
      [{ type: 'A', parents: [{ msg_id: 'x', kind: '' }] }, /^parents\[0\]\.kind/],
      [{ type: 'A', colour: 'red' }, /colour/],
      [{ type: 'A', data: { big: 1n } }, /^data/],
    ];
    for (const [draft, message] of cases) {
      const error = await refused('bad_request', () => bus.append([{ type: 'GOOD' }, draft as never]));
      assert.match(error.message, message);
    }
    assert.equal(await bodies(bus), []);
  });

  withBus('a reserved type is refused from callers and authentic from us', async (bus) => {
    for (const type of ['TASK_DONE', 'task-done', 'ROUTED', 'conductorStarted']) {
      await refused('reserved_type', () => bus.append([{ type: 'GOOD' }, { type }]));
    }
    await bus.record([{ type: 'TASK_DONE' }, { type: 'NOTE' }]);
    await bus.append([{ type: 'NOTE' }]);
    assert.equal(
      (await all(bus.read())).map(({ type, authentic }) => [type, authentic]),
      [
        ['TASK_DONE', true],
        ['NOTE', true],
        ['NOTE', false],
      ],
    );
  });

  withBus('ids rise strictly, also when the clock steps back', async (bus, clock) => {
    await bus.append([{ type: 'A' }, { type: 'A' }]);
    clock.time -= 3_600_000;
    await bus.append([{ type: 'A' }]);
    await bus.record([{ type: 'A' }]);
    clock.time += 7_200_000;
    await bus.append([{ type: 'A' }]);
    const events = await all(bus.read());
    const ids = events.map(({ msg_id }) => msg_id);
    assert.is(ids.length, 5);
    assert.equal(ids, [...new Set(ids)].sort());
    const times = events.map(({ ts }) => ts);
    assert.equal(times, times.slice().sort());
    assert.ok(events[3]?.authentic);
  });

  withBus('a second message of a dedupe key is answered with the first', async (bus) => {
    const [first, second] = await bus.append([
      { type: 'A', dedupe_key: 'k', body: '1' },
      { type: 'A', dedupe_key: 'k', body: '2' },
    ]);
    const [third] = await bus.append([{ type: 'B', dedupe_key: 'k', body: '3' }]);
    const [other] = await bus.append([{ type: 'B', dedupe_key: 'l', body: '4' }]);
    assert.equal(
      [second, third],
      [
        { msg_id: first?.msg_id, duplicate: true },
        { msg_id: first?.msg_id, duplicate: true },
      ],
    );
    assert.is(other?.duplicate, false);
    assert.equal(await bodies(bus), ['1', '4']);
  });

  withBus('nobody claims the dedupe key of our own fact beforehand', async (bus) => {
    await bus.append([{ type: 'A', dedupe_key: 'step/1', body: 'claimed' }]);
    const [own] = await bus.record([{ type: 'STEP_DONE', dedupe_key: 'step/1', body: 'real' }]);
    const [again] = await bus.record([{ type: 'STEP_DONE', dedupe_key: 'step/1', body: 'twice' }]);
    assert.is(own?.duplicate, false);
    assert.equal(again, { msg_id: own?.msg_id, duplicate: true });
    assert.equal(await bodies(bus), ['claimed', 'real']);
  });

  withBus('many calls at once keep their receipts and lose nothing', async (bus) => {
    const receipts = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        bus.append([
          { type: 'A', body: `${index}` },
          { type: 'A', body: `${index}b` },
        ]),
      ),
    );
    const byId = new Map((await all(bus.read())).map(({ msg_id, body }) => [msg_id, body]));
    assert.is(byId.size, 400);
    receipts.forEach(([first, second], index) => {
      assert.is(byId.get(first?.msg_id ?? ''), `${index}`);
      assert.is(byId.get(second?.msg_id ?? ''), `${index}b`);
    });
  });

  withBus('read selects', async (bus) => {
    const receipts = await bus.append([
      { type: 'A', body: '1', project_id: 'p' },
      { type: 'B', body: '2', project_id: 'p', task_id: 't' },
      { type: 'A', body: '3', task_id: 't', run_id: 'r' },
      { type: 'C', body: '4' },
    ]);
    assert.equal(await bodies(bus, { types: ['A'] }), ['1', '3']);
    assert.equal(await bodies(bus, { types: ['A', 'C'], tail: 2 }), ['3', '4']);
    assert.equal(await bodies(bus, { project_id: 'p' }), ['1', '2']);
    assert.equal(await bodies(bus, { task_id: 't' }), ['2', '3']);
    assert.equal(await bodies(bus, { run_id: 'r' }), ['3']);
    assert.equal(await bodies(bus, { since_id: '' }), ['1', '2', '3', '4']);
    assert.equal(await bodies(bus, { since_id: receipts[1]?.msg_id ?? '' }), ['3', '4']);
    assert.equal(await bodies(bus, { since_id: receipts[0]?.msg_id ?? '', types: ['A'] }), ['3']);
    assert.equal(await bodies(bus, { since_id: receipts[0]?.msg_id ?? '', tail: 1 }), ['4']);
    assert.equal(await bodies(bus, { since_id: receipts[3]?.msg_id ?? '' }), []);
    assert.equal(await bodies(bus, { tail: 0 }), []);
    assert.equal(await bodies(bus, { tail: 99 }), ['1', '2', '3', '4']);
  });

  withBus('one message is read by its id, and one that is not there is nothing', async (bus) => {
    const receipts = await bus.append(['1', '2', '3'].map((body) => ({ type: 'A', body })));
    for (const [n, { msg_id }] of receipts.entries()) assert.equal(await bodies(bus, { msg_id }), [String(n + 1)]);
    for (const msg_id of ['MSG-nobody', '', (receipts[1]?.msg_id ?? '').replace(/.$/, 'x')])
      assert.equal(await bodies(bus, { msg_id }), []);
  });

  withBus('an unknown since_id is not found', async (bus) => {
    await bus.append([{ type: 'A' }]);
    await refused('not_found', () => bodies(bus, { since_id: 'MSG-nobody' }));
    await refused('not_found', () => bodies(bus, { since_id: 'MSG-nobody', tail: 1 }));
  });

  withBus('follow tells the past, then what comes, in order', async (bus) => {
    await bus.append([{ type: 'A', body: '1' }]);
    const watching = watchBus(bus);
    await watching.count(1);
    await bus.append([
      { type: 'A', body: '2' },
      { type: 'A', body: '3' },
    ]);
    await watching.count(3);
    watching.stop();
    await bus.append([{ type: 'A', body: '4' }]);
    assert.equal(
      watching.events.map(({ body }) => body),
      ['1', '2', '3'],
    );
    assert.equal(
      watching.batches.flatMap(({ damaged }) => damaged),
      [],
    );
  });

  withBus('a cursor is where to go on, after a batch or at the end', async (bus) => {
    await bus.record([{ type: 'TASK_A', body: '1' }]);
    const first = watchBus(bus);
    await first.count(1);
    first.stop();
    const end = await bus.end();
    await bus.record([{ type: 'TASK_A', body: '2' }]);
    for (const cursor of [first.batches[0]?.cursor, end]) {
      const watching = watchBus(bus, cursor);
      await watching.count(1);
      watching.stop();
      assert.equal(
        watching.events.map(({ body, authentic }) => [body, authentic]),
        [['2', true]],
      );
    }
  });

  withBus('what is no cursor is refused', async (bus) => {
    for (const cursor of ['', 'x', '0:0', '1:-1', '1:0:x'])
      await refused('bad_request', () => watchBus(bus, cursor).count(1));
  });

  withBus('a cursor past the end is said, and what comes is told', async (bus) => {
    await bus.append([{ type: 'A', body: 'there' }]);
    for (const cursor of ['1:999999', '7:0']) {
      const watching = watchBus(bus, cursor);
      await until('it is said', () => watching.batches.length > 0);
      assert.equal(watching.events, []);
      assert.is(watching.batches[0]?.damaged.length, 1);
      await bus.append([{ type: 'A', body: cursor }]);
      await watching.count(1);
      watching.stop();
      assert.equal(
        watching.events.map(({ body }) => body),
        [cursor],
      );
    }
  });

  withBus('a closed bus takes nothing, but first finishes what it took', async (bus) => {
    const pending = bus.append([{ type: 'A' }]);
    await bus.close();
    assert.is((await pending).length, 1);
    await refused('stopped', () => bus.append([{ type: 'A' }]));
    await bus.close();
  });

  test.run();
};
