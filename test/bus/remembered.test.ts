import fc from 'fast-check';
import { firstValueFrom, scan as accumulate, filter } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { prepareDraft } from '../../src/bus/draft.js';
import { seal } from '../../src/bus/format.js';
import { Remembered } from '../../src/bus/remembered.js';
import { Scanner } from '../../src/bus/scanner.js';
import { stampOf } from '../../src/bus/stamp.js';
import type { Draft, Event } from '../../src/core/event.js';
import { eventsOf, key, withBus, withRoot } from './support.js';

let seq = 0;
const stamp = () => stampOf({ ms: Date.UTC(2026, 1, 3, 4, 5, 6, 78), ns: 9 }, 1, ++seq);

/** The draft as it is read: taken apart, and remembered. `isUsed`: it was not taken apart a second time. */
const bothWays = (draft: Draft): { parsed: Event | undefined; told: Event | undefined; isUsed: boolean } => {
  const remembered = new Remembered();
  const given = stamp();
  const keep = remembered.keep([draft]);
  const bytes = seal(prepareDraft(draft, false), given);
  keep([{ msg_id: given.msg_id, duplicate: false }]);
  const had = !remembered.isEmpty;
  const [parsed] = eventsOf(new Scanner(key).push(bytes));
  const [told] = eventsOf(new Scanner(key, 0, undefined, { remembered }).push(bytes));
  return { parsed, told, isUsed: had && remembered.isEmpty };
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
    fc.property(drafts, (draft) => {
      try {
        prepareDraft(draft, false);
      } catch {
        return;
      }
      const { parsed, told, isUsed } = bothWays(draft);
      if (isUsed) used += 1;
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
  assert.ok(bothWays(draft).isUsed);
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

test('a remembered record that was damaged on the disk is damaged', () => {
  const remembered = new Remembered();
  const given = stamp();
  const draft = { type: 'A', body: 'whole' };
  const bytes = seal(prepareDraft(draft, false), given);
  remembered.keep([draft])([{ msg_id: given.msg_id, duplicate: false }]);
  bytes[bytes.indexOf('whole')]! += 1;
  const items = new Scanner(key, 0, undefined, { remembered }).push(Buffer.concat([bytes, Buffer.from('---\n')]));
  assert.equal(
    items.map(({ kind }) => kind),
    ['damaged'],
  );
});

test('a record that arrives in pieces is told once, when it is whole', () => {
  const remembered = new Remembered();
  const given = stamp();
  const draft = { type: 'A', body: 'text' };
  const bytes = seal(prepareDraft(draft, false), given);
  remembered.keep([draft])([{ msg_id: given.msg_id, duplicate: false }]);
  const scanner = new Scanner(key, 0, undefined, { remembered });
  const told: number[] = [];
  for (let at = 0; at < bytes.length; at += 1) if (scanner.push(bytes.subarray(at, at + 1)).length > 0) told.push(at);
  assert.equal(told, [bytes.length - 2]);
  assert.ok(remembered.isEmpty);
});

test('of what nobody reads only so much is remembered', () => {
  const remembered = new Remembered();
  const ids = Array.from({ length: 5_000 }, () => stamp().msg_id);
  for (const msg_id of ids) remembered.keep([{ type: 'A' }])([{ msg_id, duplicate: false }]);
  assert.is(remembered.get(ids[0]!), undefined);
  assert.is(remembered.get(ids.at(-1)!)?.msg_id, ids.at(-1));
  assert.is(ids.filter((id) => remembered.get(id)).length, 4_096);
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
