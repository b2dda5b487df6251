import {
  appendFileSync,
  copyFileSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { retain } from '../../src/bus/retention.js';
import { closedSegments } from '../../src/bus/segments.js';
import { buildIndex, loadIndex, removeIndex } from '../../src/bus/segment-index.js';
import type { Draft } from '../../src/core/event.js';
import type { Bus } from '../../src/core/ports.js';
import { all, bodies, handClock, refused, watchBus } from '../contract/bus.js';
import { project, until } from '../support/service.js';
import { key, withBus, withRoot } from './support.js';

const SMALL = { bytes: 2_000, age_ms: Infinity };
const DAY = 86_400_000;

const say = async (bus: Bus, from: number, to: number): Promise<void> => {
  for (let number = from; number < to; number += 1)
    await bus.append([{ type: number % 2 ? 'ODD' : 'EVEN', task_id: `t${number % 5}`, body: `${number}` }]);
};
const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `${from + index}`);
const busFile = (root: string): string => join(root, 'MESSAGE-BUS.md');

test('a full file is closed and kept; everything is read once, in order', () =>
  withRoot(async (root) => {
    await withBus(root, (bus) => say(bus, 0, 60), handClock(), SMALL);
    const closed = closedSegments(root);
    assert.ok(closed.length >= 4, `${closed.length} segments`);
    assert.equal(
      closed.map(({ number }) => number),
      closed.map((_, index) => index + 1),
    );
    await withBus(root, async (bus) => {
      const events = await all(bus.read());
      assert.equal(
        events.map(({ body }) => body),
        numbers(0, 60),
      );
      const ids = events.map(({ msg_id }) => msg_id);
      assert.equal(ids, [...new Set(ids)].sort());
    });
  }));

test('since an id, the last of a kind and the end work across segments, with indexes and without', () =>
  withRoot(async (root) => {
    await withBus(
      root,
      async (bus) => {
        await say(bus, 0, 60);
        const events = await all(bus.read());
        const check = async (): Promise<void> => {
          for (const [index, { msg_id }] of events.entries()) {
            assert.equal(await bodies(bus, { since_id: msg_id }), numbers(index + 1, 60));
            assert.equal(await bodies(bus, { msg_id }), numbers(index, index + 1));
            assert.equal(await bodies(bus, { tail: index }), numbers(60 - index, 60));
          }
          const ofTask = numbers(0, 60).filter((number) => Number(number) % 5 === 3);
          assert.equal(await bodies(bus, { task_id: 't3' }), ofTask);
          assert.equal(await bodies(bus, { task_id: 't3', tail: 7 }), ofTask.slice(-7));
          assert.equal(
            await bodies(bus, { types: ['odd'], tail: 40 }),
            numbers(0, 60).filter((number) => Number(number) % 2 === 1),
          );
          await refused('not_found', () => bodies(bus, { since_id: events[0]!.msg_id.replace(/.$/, 'x') }));
        };
        await check();
        await bus.append([{ type: 'A', dedupe_key: 'builds the indexes' }]);
        events.push(...(await all(bus.read({ tail: 1 }))));
        await until('they are built', () => closedSegments(root).every((segment) => loadIndex(root, segment)));
        assert.equal(await bodies(bus, { task_id: 't3', tail: 2 }), ['53', '58']);
      },
      handClock(),
      SMALL,
    );
  }));

test('following goes across closed segments, from the beginning and from every cursor', () =>
  withRoot(async (root) => {
    const clock = handClock();
    await withBus(
      root,
      async (bus) => {
        const watching = watchBus(bus);
        await say(bus, 0, 40);
        await withBus(root, (other) => say(other, 40, 80), clock, SMALL);
        await watching.count(80);
        watching.stop();
        assert.equal(
          watching.events.map(({ body }) => body),
          numbers(0, 80),
        );
        assert.equal(
          watching.batches.flatMap(({ damaged }) => damaged),
          [],
        );
        let told = 0;
        for (const { cursor, events } of watching.batches) {
          told += events.length;
          if (told === 80) break;
          const again = watchBus(bus, cursor);
          await again.count(80 - told);
          again.stop();
          assert.equal(
            again.events.map(({ body }) => body),
            numbers(told, 80),
          );
        }
      },
      clock,
      SMALL,
    );
  }));

test('a file is closed for its age too', () =>
  withRoot(async (root) => {
    const clock = handClock();
    const bodiesAfter = async (): Promise<number> => closedSegments(root).length;
    await withBus(
      root,
      async (bus) => {
        await say(bus, 0, 3);
        clock.time += DAY - 1;
        await say(bus, 3, 4);
        assert.is(await bodiesAfter(), 0);
        clock.time += 1;
        await say(bus, 4, 5);
        assert.is(await bodiesAfter(), 1);
        assert.equal(await bodies(bus), numbers(0, 5));
      },
      clock,
      { bytes: Infinity, age_ms: DAY },
    );
  }));

test('a dedupe key counts for two weeks, across segments and restarts, whether or not the indexes are there', () =>
  withRoot(async (root) => {
    const clock = handClock();
    const once = (): Promise<string[]> =>
      withBus(
        root,
        async (bus) => {
          const receipts = await bus.append([
            { type: 'A', dedupe_key: 'k1' },
            { type: 'A', dedupe_key: 'k2' },
          ]);
          await say(bus, 0, 30);
          return receipts.map(({ msg_id, duplicate }) => `${msg_id} ${duplicate}`);
        },
        clock,
        SMALL,
      );
    const first = await once();
    const duplicates = first.map((receipt) => receipt.replace('false', 'true'));
    assert.equal(await once(), duplicates);
    rmSync(join(root, '.conductor', 'cache'), { recursive: true });
    clock.time += 14 * DAY - 1;
    assert.equal(await once(), duplicates);
    const cache = join(root, '.conductor', 'cache', 'bus');
    const indexes = readdirSync(cache);
    assert.ok(indexes.length > 3);
    for (const name of indexes) {
      const path = join(cache, name);
      const bytes = readFileSync(path);
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
      writeFileSync(path, bytes);
    }
    assert.equal(await once(), duplicates);
  }));

const LARGE = { bytes: 2 * 1024 * 1024, age_ms: Infinity };
const keyed = (from: number, to: number): Draft[] =>
  Array.from({ length: to - from }, (_, index) => ({
    type: 'A',
    dedupe_key: `key ${from + index}`,
    body: 'x'.repeat(500),
  }));
/** Of one key that nobody had, and of one in the closed segment. */
const isKnown = async (bus: Bus, unknown: string, known: string): Promise<boolean[]> =>
  (await bus.append([unknown, known].map((dedupe_key) => ({ type: 'A', dedupe_key })))).map((one) => one.duplicate);

/** A key of the segment just closed is known while its index is not there yet, and after. */
const keysNeedNoIndex = async (root: string, bus: Bus): Promise<void> => {
  assert.equal(await isKnown(bus, 'new', 'key 3999'), [false, true]);
  const [segment] = closedSegments(root);
  assert.ok(segment);
  assert.is(loadIndex(root, segment), undefined);
  await until('the index is built', () => loadIndex(root, segment) !== undefined);
  assert.equal(await isKnown(bus, 'newer', 'key 7'), [false, true]);
};

test('an append with a key does not wait for the index of the segment that it closes, and knows what is in there', () =>
  withRoot((root) =>
    withBus(
      root,
      async (bus) => {
        await bus.append(keyed(0, 4_000));
        await keysNeedNoIndex(root, bus);
      },
      handClock(),
      LARGE,
    ),
  ));

test('what another wrote into the segment before closing it is known without its index, too', () =>
  withRoot((root) =>
    withBus(
      root,
      async (bus) => {
        await bus.append(keyed(0, 100));
        await withBus(root, (other) => other.append(keyed(100, 4_000)), handClock(), LARGE);
        await withBus(root, (other) => other.append([{ type: 'A' }]), handClock(), LARGE);
        await keysNeedNoIndex(root, bus);
      },
      handClock(),
      LARGE,
    ),
  ));

test('a bus that is closed while an index is built gives it up, and the next one builds it', () =>
  withRoot(async (root) => {
    await withBus(
      root,
      async (bus) => {
        await bus.append(keyed(0, 4_000));
        await isKnown(bus, 'new', 'key 3999');
      },
      handClock(),
      LARGE,
    );
    const [segment] = closedSegments(root);
    assert.ok(segment);
    assert.is(loadIndex(root, segment), undefined);
    assert.equal(await withBus(root, (bus) => isKnown(bus, 'newer', 'key 7')), [false, true]);
    assert.ok(loadIndex(root, segment));
  }));

const indexWorker = join(project, 'dist', 'bus', 'index-worker.js');

test('the index of a segment that was closed is built in a thread, as it would be built here, and the thread ends', () =>
  withRoot((root) =>
    withBus(
      root,
      async (bus) => {
        const threads: Worker[] = [];
        const begun = (thread: Worker): unknown => threads.push(thread);
        process.on('worker', begun);
        await bus.record([{ type: 'RUN_START', data: { run_id: 'r' } }]);
        await bus.append(keyed(0, 4_000));
        assert.equal(await isKnown(bus, 'new', 'key 3999'), [false, true]);
        const [segment] = closedSegments(root);
        assert.ok(segment);
        await until('the index is built', () => loadIndex(root, segment) !== undefined);
        await until('the thread has ended', () => threads.length === 1 && threads[0]?.threadId === -1);
        process.off('worker', begun);
        assert.equal(await isKnown(bus, 'newer', 'key 7'), [false, true]);
        const file = join(root, '.conductor', 'cache', 'bus', `${basename(segment.path)}.index`);
        const beside = readFileSync(file);
        removeIndex(root, segment);
        await buildIndex(root, segment, key, undefined);
        assert.ok(beside.equals(readFileSync(file)));
      },
      handClock(),
      LARGE,
      indexWorker,
    ),
  ));

test('a thread that fails leaves the index to whoever asked for it', () =>
  withRoot((root) =>
    withBus(
      root,
      async (bus) => {
        await bus.append(keyed(0, 4_000));
        assert.equal(await isKnown(bus, 'new', 'key 3999'), [false, true]);
        const [segment] = closedSegments(root);
        assert.ok(segment);
        await until('the index is built', () => loadIndex(root, segment) !== undefined);
        assert.equal(await isKnown(bus, 'newer', 'key 7'), [false, true]);
      },
      handClock(),
      LARGE,
      join(root, 'no-such-thread.js'),
    ),
  ));

test('a bus that is closed does not wait for the thread', () =>
  withRoot(async (root) => {
    await withBus(
      root,
      async (bus) => {
        await bus.append(keyed(0, 4_000));
        await isKnown(bus, 'new', 'key 3999');
      },
      handClock(),
      LARGE,
      indexWorker,
    );
    assert.equal(await withBus(root, (bus) => isKnown(bus, 'newer', 'key 7')), [false, true]);
  }));

/** A reader that comes back after `change`: what it is told, and what is said of its place. */
const comeBack = (change: (root: string) => void, told = 20, rotation = SMALL) =>
  withRoot((root) =>
    withBus(
      root,
      async (bus) => {
        await say(bus, 0, told);
        const first = watchBus(bus);
        await first.count(told);
        first.stop();
        await say(bus, told, 40);
        change(root);
        await say(bus, 40, 50);
        const back = watchBus(bus, first.batches.at(-1)?.cursor);
        await until('the last one is told', () => back.events.some(({ body }) => body === '49'));
        back.stop();
        const said = back.batches.flatMap(({ damaged }) => damaged.map(({ reason }) => reason));
        return { bodies: back.events.map(({ body }) => body), said };
      },
      handClock(),
      rotation,
    ),
  );
const ONE_FILE = { bytes: Infinity, age_ms: Infinity };

test('a reader that comes back is told what is new, and nothing is said', async () => {
  assert.equal(await comeBack(() => undefined), { bodies: numbers(20, 50), said: [] });
  assert.equal(await comeBack(() => undefined, 20, ONE_FILE), { bodies: numbers(20, 50), said: [] });
});

test('a reader whose segment is gone is told so, and goes on with what is left', async () => {
  let left = 0;
  const { bodies: told, said } = await comeBack((root) => {
    // All but the last: how many there are differs with the digits of the process's number in each id.
    for (const { path } of closedSegments(root).slice(0, -1)) rmSync(path);
    left = Number(/^(\d+)\n/m.exec(readFileSync(closedSegments(root)[0]!.path, 'utf8').split('\n---\n')[1]!)?.[1]);
  }, 5);
  assert.ok(left > 5);
  assert.equal(told, numbers(left, 50));
  assert.match(said.join(), /^segment 1 was removed before it was read on from byte \d+$/);
});

test('a reader whose bus was cut meanwhile is told so, and nothing twice', async () => {
  const { bodies: told, said } = await comeBack((root) => truncateSync(busFile(root), 1_000), 20, ONE_FILE);
  assert.equal(told, numbers(40, 50));
  assert.match(said[0] ?? '', /^it was read up to byte \d+ of segment 1, and was cut or replaced since$/);
});

test('a reader whose bus was edited meanwhile, so that all bytes moved, misses nothing and is told nothing twice', async () => {
  for (const edit of [
    (text: string) => text.replace('\n3\n', '\n3, and much more by hand\n'),
    (text: string) => text.slice(text.indexOf('---\nmsg_id:', 1_500)),
    (text: string) => `# A heading by hand\n\n${text}`,
  ]) {
    const { bodies: told, said } = await comeBack(
      (root) => writeFileSync(busFile(root), edit(readFileSync(busFile(root), 'utf8'))),
      20,
      ONE_FILE,
    );
    assert.equal(told, numbers(20, 50));
    assert.is(said.length, 1);
  }
});

test('a reader whose bus was deleted with all its segments meanwhile is told what is new', async () => {
  const { bodies: told, said } = await comeBack((root) => {
    for (const path of [busFile(root), ...closedSegments(root).map((one) => one.path)]) rmSync(path);
  });
  assert.equal(told, numbers(40, 50));
  assert.match(said.join(), /was cut or replaced since/);
});

test('a follower whose bus is deleted with all its segments goes on', () =>
  withRoot((root) =>
    withBus(
      root,
      async (bus) => {
        await say(bus, 0, 40);
        const watching = watchBus(bus);
        await watching.count(40);
        for (const path of [busFile(root), ...closedSegments(root).map((one) => one.path)]) rmSync(path);
        await until('it is said', () => watching.batches.some(({ damaged }) => damaged.length > 0));
        await say(bus, 40, 60);
        await watching.count(60);
        watching.stop();
        assert.equal(
          watching.events.map(({ body }) => body),
          numbers(0, 60),
        );
      },
      handClock(),
      SMALL,
    ),
  ));

test('retention takes whole old segments, after the snapshot, never what a reader or a dedupe key needs', () =>
  withRoot(async (root) => {
    const clock = handClock();
    const start = clock.time;
    await withBus(
      root,
      async (bus) => {
        await say(bus, 0, 40);
        clock.time += 30 * DAY;
        await say(bus, 40, 60);
        const old = closedSegments(root).filter((_, index) => index < 3);
        const all = closedSegments(root).length;
        let snapshots = 0;
        const run = async (now: number, slowest: string | undefined, needed = Infinity): Promise<string[]> => {
          const snapshot = async () => {
            snapshots += 1;
            if (snapshots === 1) assert.is(closedSegments(root).length, all);
            await bus.record([{ type: 'SNAPSHOT' }]);
            return { cursor: await bus.end(), fold: '' };
          };
          const given = { root, now, keep_ms: DAY, slowest, needed, snapshot };
          const planned = await retain({ ...given, dry_run: true });
          const removed = await retain(given);
          assert.equal(removed, planned);
          return removed.map(({ path }) => path);
        };
        assert.equal(await run(start + 13 * DAY, '99:0'), []);
        assert.equal(await run(clock.time, '1:0'), []);
        assert.equal(await run(clock.time, undefined), []);
        assert.equal(await run(clock.time, '99:0', start), []);
        assert.is(snapshots, 0);
        assert.equal(
          await run(clock.time, '4:10'),
          old.map(({ path }) => path),
        );
        assert.is(snapshots, 1);
        assert.equal((await bodies(bus)).slice(-21), [...numbers(40, 60), '']);
        const removed = await run(clock.time, '99:0');
        assert.ok(removed.length > 0);
        assert.equal((await bodies(bus, { types: ['EVEN', 'ODD'] })).slice(-20), numbers(40, 60));
      },
      clock,
      SMALL,
    );
  }));

const byHand = (
  title: string,
  change: (root: string) => void,
  reason: RegExp,
  left: (before: string[]) => string[],
): void => {
  test(title, () =>
    withRoot((root) =>
      withBus(root, async (bus) => {
        await say(bus, 0, 10);
        const watching = watchBus(bus);
        await watching.count(10);
        change(root);
        await until('the change is said', () =>
          watching.batches.some(({ damaged }) => damaged.some((one) => reason.test(one.reason))),
        );
        await say(bus, 10, 20);
        await watching.count(20);
        watching.stop();
        assert.equal(
          watching.events.map(({ body }) => body),
          numbers(0, 20),
        );
        assert.is(
          watching.batches.flatMap(({ damaged }) => damaged).filter((one) => reason.test(one.reason)).length,
          1,
        );
        assert.equal(await bodies(bus), left(numbers(0, 10)).concat(numbers(10, 20)));
      }),
    ),
  );
};

byHand(
  'a bus that is deleted is noticed and said, and nothing is told twice',
  (root) => rmSync(busFile(root)),
  /deleted or replaced/,
  () => [],
);
byHand(
  'a bus that an editor replaced is noticed and said, and nothing is told twice',
  (root) => {
    copyFileSync(busFile(root), `${busFile(root)}.new`);
    appendFileSync(`${busFile(root)}.new`, '\n\n');
    renameSync(`${busFile(root)}.new`, busFile(root));
  },
  /deleted or replaced/,
  (before) => before,
);
byHand(
  'a bus that is cut is noticed and said',
  (root) => truncateSync(busFile(root), 0),
  /was cut/,
  () => [],
);

test('large data lies in a file of its own and comes back whole', () =>
  withRoot((root) =>
    withBus(root, async (bus) => {
      const data = {
        small: 'x',
        list: Array.from({ length: 5_000 }, (_, index) => `item ${index}`),
        ['__proto__x']: 1,
      };
      await bus.append([{ type: 'A', data, task_id: 't' }]);
      await bus.append([{ type: 'A', data }]);
      const blobs = readdirSync(join(root, '.conductor', 'blobs'));
      assert.is(blobs.length, 1);
      assert.ok(readFileSync(busFile(root)).length < 2_000);
      for (const query of [{}, { tail: 2 }])
        assert.equal(
          (await all(bus.read(query))).map((event) => event.data),
          [data, data],
        );
      const watching = watchBus(bus);
      await watching.count(2);
      watching.stop();
      assert.equal(watching.events[1]?.data, data);

      writeFileSync(join(root, '.conductor', 'blobs', blobs[0]!), '{"forged":true}');
      const [event] = await all(bus.read({ tail: 1 }));
      assert.equal([event?.data, event?.data_blob], [{ small: 'x', ['__proto__x']: 1 }, blobs[0]]);
    }),
  ));

test.run();
