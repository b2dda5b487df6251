import { appendFileSync, cpSync, readFileSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { HEAD_BYTES, IDENTITY_BYTES, entriesOf, headOf } from '../../src/bus/ahead-entry.js';
import { HALF_BYTES, aheadFolder } from '../../src/bus/ahead-files.js';
import { encode, type Fields } from '../../src/bus/encode.js';
import { recover } from '../../src/bus/redo.js';
import { stampOf } from '../../src/bus/stamp.js';
import { until } from '../support/service.js';
import { ahead, bodiesOf, busFile, cutOff, entriesIn, logs, openTalker, stateOf, withTalker } from './ahead-support.js';
import { withRoot } from './support.js';

const FIELDS: Fields = {
  type: 'SAID',
  project_id: 'default',
  source: 'cli',
  parents: [],
  depth: 0,
  trust: 'full',
  data: {},
  body: 'said',
};

ahead(
  'a power cut takes what the bus file was not yet made durable of; the log of the writer brings it back, as it was',
  () =>
    withTalker(async ({ said, say }, root) => {
      await say(5);
      const { first, whole } = stateOf(root);
      const from = first?.offset ?? 0;
      assert.ok(from > 0 && from < whole.length);
      for (let cut = from; cut <= whole.length; cut += cut < from + 300 ? 7 : 331) {
        for (const fill of [0, 300]) {
          await cutOff(root, async (copy) => {
            const left = Buffer.concat([whole.subarray(0, cut), Buffer.alloc(fill)]).subarray(0, whole.length);
            writeFileSync(busFile(copy), left);
            assert.is((await recover(copy, false, 'b2')) > 0, cut < whole.length);
            assert.equal(readFileSync(busFile(copy)), whole);
            assert.equal(logs(copy), []);
          });
        }
      }
      assert.equal(await bodiesOf(root), said);
    }),
);

ahead('a writer brings it back before it writes', () =>
  withTalker(async ({ said }, root) => {
    const { first } = stateOf(root);
    await cutOff(root, async (copy) => {
      truncateSync(busFile(copy), first?.offset);
      const next = openTalker(copy, 'b2');
      await next.say(1);
      await next.writer.close();
      assert.equal(await bodiesOf(copy), [...said, 'body 1']);
    });
  }),
);

ahead('while the machine runs nothing is brought back, for what is gone was taken by hand', () =>
  withTalker(async ({ writer }, root) => {
    const { first } = stateOf(root);
    await cutOff(root, async (copy) => {
      truncateSync(busFile(copy), first?.offset);
      assert.is(await recover(copy, true, 'a1'), 0);
      assert.is(statSync(busFile(copy)).size, first?.offset);
      assert.equal(logs(copy), []);
    });
    assert.is(await recover(root, true, 'b2'), 0);
    assert.is(logs(root).length, 1, 'the log of a writer that lives is left to it');
    await writer.close();
    assert.equal(logs(root), []);
  }),
);

ahead('what others wrote after the cut is not written over', () =>
  withTalker(async ({ said }, root) => {
    const { first, whole } = stateOf(root);
    const from = first?.offset ?? 0;
    const foreign =
      '\n\n[2026-01-01 00:00:00] NOTE: by hand, long enough to lie over more than one of the batches\n'.repeat(9);
    for (const cut of [from, from + 10, from + 400]) {
      await cutOff(root, async (copy) => {
        truncateSync(busFile(copy), cut);
        appendFileSync(busFile(copy), foreign);
        await recover(copy, false, 'b2');
        assert.ok(readFileSync(busFile(copy)).includes(foreign));
        assert.equal(
          (await bodiesOf(copy)).filter((body) => body.startsWith('body ')),
          said,
        );
        const again = readFileSync(busFile(copy));
        cpSync(aheadFolder(root), aheadFolder(copy), { recursive: true });
        assert.is(await recover(copy, false, 'c3'), 0, 'found where it is now');
        assert.equal(readFileSync(busFile(copy)), again);
      });
    }
    assert.ok(whole.length > from + 400);
  }),
);

ahead('what lies behind a gap was never acknowledged, and stays away', () =>
  withTalker(async (_, root) => {
    const { first } = stateOf(root);
    await cutOff(root, async (copy) => {
      truncateSync(busFile(copy), (first?.offset ?? 0) - 1);
      assert.is(await recover(copy, false, 'b2'), 0);
      assert.is(statSync(busFile(copy)).size, (first?.offset ?? 0) - 1);
    });
  }),
);

ahead('a log that was torn anywhere tells whole batches only', () =>
  withTalker(async ({ said }, root) => {
    const entries = entriesIn(root);
    const path = join(aheadFolder(root), logs(root)[0] ?? '');
    const log = readFileSync(path).subarray(0, HALF_BYTES);
    let end = 0;
    for (const { batch } of entries) end += HEAD_BYTES + batch.length;
    for (let cut = 0; cut <= end; cut += 13) {
      for (const fill of [0, 0xff]) {
        const torn = Buffer.concat([log.subarray(0, cut), Buffer.alloc(HALF_BYTES - cut, fill)]);
        const found = entriesOf(torn);
        let whole = 0;
        for (let at = 0; whole < entries.length; whole += 1) {
          at += HEAD_BYTES + (entries[whole]?.batch.length ?? 0);
          if (at > cut) break;
        }
        assert.equal(found, entries.slice(0, whole));
      }
    }
    for (let bit = 0; bit < end; bit += 17) {
      const flipped = Buffer.from(log);
      flipped.writeUInt8(flipped.readUInt8(bit) ^ (1 << (bit & 7)), bit);
      const found = entriesOf(flipped);
      assert.ok(found.length < entries.length);
      assert.equal(found, entries.slice(0, found.length));
    }
    assert.ok(said.length > entries.length);
  }),
);

test('messages of an older round in the place of newer ones make a batch a torn one', () => {
  const message = (ns: number): Buffer =>
    encode({ ...FIELDS, ...stampOf({ ms: Date.UTC(2026, 10, 21), ns: 100_000 + ns }, 100, 100 + ns) });
  const told = (...all: number[]): number => {
    const batch = Buffer.concat([4, 5, 6].map(message));
    const identity = Buffer.alloc(IDENTITY_BYTES, 'x');
    const head = Buffer.from(headOf({ offset: 7, identity, batch }, 3, 0));
    return entriesOf(Buffer.concat([head, ...all.map(message)])).length;
  };
  assert.is(told(4, 5, 6), 1);
  for (const torn of [
    [1, 5, 6],
    [4, 2, 6],
    [4, 5, 3],
    [4, 2, 3],
    [1, 2, 3],
  ])
    assert.is(told(...torn), 0, torn.join(' '));
});

ahead('it goes on in the other half when one is full, and begins anew with another bus file', () =>
  withRoot(async (root) => {
    const talker = openTalker(root, 'a1', { bytes: 1_500_000, age_ms: 1e9 });
    const large = 'x'.repeat(60_000);
    const told: string[] = [];
    const sayLarge = async (): Promise<void> => {
      await talker.writer.submit([{ type: 'LARGE', body: large }], false);
      told.push(large);
    };
    await talker.warm();
    const begun = [...talker.said];
    for (let count = 0; count < 70; count += 1) {
      await sayLarge();
      if (count % 5 > 0) continue;
      await cutOff(root, async (copy) => {
        // No more is lost than what the log may owe.
        const { size } = statSync(busFile(copy));
        const [entry] = entriesIn(copy)
          .filter(({ identity }) => readFileSync(busFile(copy)).subarray(0, identity.length).equals(identity))
          .sort((left, right) => left.offset - right.offset);
        if (entry) truncateSync(busFile(copy), Math.min(size, entry.offset));
        await recover(copy, false, 'b2');
        assert.is(statSync(busFile(copy)).size, size);
      });
    }
    await talker.writer.close();
    assert.equal(await bodiesOf(root), [...begun, ...told]);
    assert.ok(readdirSync(root).filter((name) => name.startsWith('MESSAGE-BUS-')).length >= 2);
  }),
);

ahead('what was cut off by hand while the writer lives does not come back', () =>
  withTalker(async ({ warm, said, say }, root) => {
    const { first } = stateOf(root);
    truncateSync(busFile(root), first?.offset);
    const kept = await bodiesOf(root);
    const before = said.length;
    await say(10);
    await warm();
    await cutOff(root, async (copy) => {
      assert.is(await recover(copy, false, 'b2'), 0);
      assert.equal(await bodiesOf(copy), [...kept, ...said.slice(before)]);
    });
  }),
);

ahead('the log of a writer that says nothing tells nothing', () =>
  withTalker(async (_, root) => {
    await until('the log is empty', () => entriesIn(root).length === 0 || undefined);
    assert.is(logs(root).length, 1);
  }),
);

test.run();
