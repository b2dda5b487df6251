import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { firstValueFrom, scan as accumulate, filter } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { prepareDraft } from '../../src/bus/draft.js';
import { seal } from '../../src/bus/format.js';
import { Remembered } from '../../src/bus/remembered.js';
import { Scanner } from '../../src/bus/scanner.js';
import { momentOf, stampOf } from '../../src/bus/stamp.js';
import type { Draft, Event } from '../../src/core/event.js';
import { eventsOf, key, withBus, withRoot } from './support.js';

let seq = 0;
const stamp = () => stampOf({ ms: Date.UTC(2026, 1, 3, 4, 5, 6, 78), ns: 9 }, 1, ++seq);

const INO = 7;
const yes = (): boolean => true;

/** The draft as it is read: taken apart, and remembered. */
const bothWays = (draft: Draft, own = false): { parsed: Event | undefined; told: Event | undefined } => {
  const remembered = new Remembered();
  const given = stamp();
  const keep = remembered.keep([draft], own);
  const bytes = seal(prepareDraft(draft, own), given, own ? key : undefined);
  keep([{ msg_id: given.msg_id, duplicate: false }]);
  remembered.placed({ ino: INO, from: 0, to: bytes.length });
  const [parsed] = eventsOf(new Scanner(key).push(bytes));
  return { parsed, told: remembered.take(INO, 0, yes)?.events[0] };
};

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', '---', '\n---\n', '\\---', 'a\r\n---\u2028b\n', '\ud800', 'crc32: 0\n---\n', '\u0000"\\'),
);
const value: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue(),
  fc.anything({ withDate: true, withNullPrototype: true, withTypedArray: true, withSparseArray: true }),
  fc.constantFrom(-0, NaN, Infinity, undefined, { toJSON: () => 1 }, { a: undefined, 2: 'x', 1: 'y' }, [undefined]),
);
const drafts: fc.Arbitrary<Draft> = fc.record(
  {
    type: fc.constantFrom('INFO', 'codePushed', 'a-b c'),
    project_id: fc.constantFrom('default', '1e3', undefined),
    task_id: fc.constantFrom('t', undefined),
    run_id: fc.constantFrom('20260101-010101', '', undefined),
    source: fc.oneof(text, fc.constant(undefined)),
    actor: text,
    parents: fc.array(fc.record({ msg_id: fc.constantFrom('a', 'b c'), kind: fc.constant('caused_by') })),
    depth: fc.constantFrom(0, -0, 16),
    dedupe_key: fc.constantFrom('k', 'ü'),
    trust: fc.constantFrom('full' as const, 'outside' as const),
    data: fc.dictionary(text, value),
    body: text,
    meta: fc.dictionary(text, text),
    links: fc.array(fc.record({ url: text, label: text }, { requiredKeys: ['url'] })),
    issue_id: text,
  },
  { requiredKeys: ['type'] },
);

test('what is remembered is what is read, to the order of its fields, whatever was appended', () => {
  let used = 0;
  fc.assert(
    fc.property(drafts, fc.boolean(), (draft, own) => {
      try {
        prepareDraft(draft, own);
      } catch {
        return;
      }
      const { parsed, told } = bothWays(draft, own);
      if (told === undefined) return;
      used += 1;
      assert.equal(told, parsed);
      assert.is(JSON.stringify(told), JSON.stringify(parsed));
    }),
    { numRuns: 2_000 },
  );
  assert.ok(used > 200, `only ${used} were remembered`);
});

test('a message of usual size is remembered', () => {
  const commits = [1, 2, 3].map((n) => ({ id: String(n).repeat(40), message: 'Why.\n'.repeat(60) }));
  const draft = { type: 'CODE_PUSHED', meta: { actor_kind: 'person' }, data: { commits, count: 3 }, body: 'ä\n---\n' };
  const { parsed, told } = bothWays(draft);
  assert.equal(told, parsed);
  assert.is(told?.type, 'CODE_PUSHED');
});

test('what the caller changes after the call is not in it', async () => {
  await withRoot((root) =>
    withBus(root, async (bus) => {
      const all = bus.follow().pipe(
        accumulate((events: readonly Event[], batch) => [...events, ...batch.events], []),
        filter((events) => events.length === 1),
      );
      const heard = firstValueFrom(all);
      const data = { list: ['a'], n: 1 };
      const appended = bus.append([{ type: 'A', data }]);
      data.list.push('b');
      data.n = 2;
      await appended;
      const [event] = await heard;
      assert.equal(event?.data, { list: ['a'], n: 1 });
    }),
  );
});

const remember = (
  remembered: Remembered,
  { from, count = 1, own = false }: { from: number; count?: number; own?: boolean },
) => {
  const ids = Array.from({ length: count }, () => stamp().msg_id);
  for (const msg_id of ids) remembered.keep([{ type: 'A' }], own)([{ msg_id, duplicate: false }]);
  remembered.placed({ ino: INO, from, to: from + 100 });
  return ids;
};
const idsAt = (remembered: Remembered, from: number, ino = INO): string[] | undefined =>
  remembered.take(ino, from, yes)?.events.map(({ msg_id }) => msg_id);

test('only who stands where it was written, in that file, is told, and only once', () => {
  const remembered = new Remembered();
  const ids = remember(remembered, { from: 50, count: 3 });
  assert.is(idsAt(remembered, 0), undefined);
  assert.is(idsAt(remembered, 50, INO + 1), undefined);
  assert.equal(idsAt(remembered, 50), ids);
  assert.is(idsAt(remembered, 50), undefined);
});

test('what is not in the file, or was written beside something that has to be read, is not told', () => {
  const remembered = new Remembered();
  remember(remembered, { from: 0 });
  assert.is(
    remembered.take(INO, 0, () => false),
    undefined,
  );
  remembered.pass();
  remember(remembered, { from: 0 });
  assert.is(idsAt(remembered, 0), undefined);
  const keep = remembered.keep([{ type: 'A', data: { text: 'x'.repeat(6_000) } }], false);
  keep([{ msg_id: stamp().msg_id, duplicate: false }]);
  remember(remembered, { from: 0 });
  assert.is(idsAt(remembered, 0), undefined);
});

test('a duplicate was not written, so it is not told', () => {
  const remembered = new Remembered();
  const msg_id = stamp().msg_id;
  const keep = remembered.keep([{ type: 'A' }, { type: 'B' }], false);
  keep([
    { msg_id: stamp().msg_id, duplicate: true },
    { msg_id, duplicate: false },
  ]);
  remembered.placed({ ino: INO, from: 0, to: 100 });
  assert.equal(idsAt(remembered, 0), [msg_id]);
});

test('the newest of our own facts is known, since only newer ones are believed', () => {
  const remembered = new Remembered();
  remember(remembered, { from: 0 });
  assert.is(remembered.take(INO, 0, yes)?.newest, undefined);
  const [msg_id = ''] = remember(remembered, { from: 0, own: true });
  assert.equal(remembered.take(INO, 0, yes)?.newest, momentOf(msg_id));
});

test('of what nobody reads only so much is remembered', () => {
  const remembered = new Remembered();
  for (let from = 0; from < 500_000; from += 100) remember(remembered, { from });
  const told = Array.from({ length: 5_000 }, (_, n) => idsAt(remembered, n * 100) !== undefined);
  assert.is(told[0], false);
  assert.is(told.at(-1), true);
  assert.is(told.filter(Boolean).length, 4_096);
});

test('facts that we said and that were copied by another hand are believed once', async () => {
  await withRoot((root) =>
    withBus(root, async (bus) => {
      const all = bus.follow().pipe(
        accumulate((events: readonly Event[], batch) => [...events, ...batch.events], []),
        filter((events) => events.length === 3),
      );
      const heard = firstValueFrom(all);
      await bus.record([{ type: 'RUN_START', data: { run_id: 'r' } }]);
      appendFileSync(join(root, 'MESSAGE-BUS.md'), readFileSync(join(root, 'MESSAGE-BUS.md')));
      await bus.append([{ type: 'A' }]);
      assert.equal(
        (await heard).map(({ type, authentic }) => [type, authentic]),
        [
          ['RUN_START', true],
          ['RUN_START', false],
          ['A', false],
        ],
      );
    }),
  );
});

test('beside what another writer appends, all is told in the order of the file', async () => {
  await withRoot((root) =>
    withBus(root, (one) =>
      withBus(root, async (other) => {
        const count = 200;
        const all = one.follow().pipe(
          accumulate((events: readonly Event[], batch) => [...events, ...batch.events], []),
          filter((events) => events.length === count),
        );
        const heard = firstValueFrom(all);
        await Promise.all(
          Array.from({ length: count }, async (_, n) => {
            if (n % 3 === 0) await one.end();
            await (n % 2 === 0 ? one : other)[n % 5 === 0 ? 'record' : 'append']([{ type: 'A', data: { n } }]);
          }),
        );
        const told = await heard;
        const read: Event[] = [];
        for await (const event of one.read({})) read.push(event);
        assert.equal(told, read);
      }),
    ),
  );
});

test.run();
