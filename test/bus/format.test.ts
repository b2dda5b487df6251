import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { escapeBody, jsonOf, unescapeBody } from '../../src/bus/escape.js';
import { encode, prepare, type Fields } from '../../src/bus/encode.js';
import { parseHeader } from '../../src/bus/header.js';
import { seal } from '../../src/bus/format.js';
import { nextMoment, stampOf, type Moment } from '../../src/bus/stamp.js';
import type { Event } from '../../src/core/event.js';
import { eventsOf, key, scan, scanInPlace } from './support.js';

/** Pieces of which hostile bodies are made. */
const piece = fc.constantFrom(
  '---',
  '\\---',
  '\\\\---',
  '\n',
  '\r',
  '\r\n',
  '\n\n',
  ' ',
  '\t',
  'x',
  '\u2028',
  '\u0085',
  '\ufeff',
  'msg_id: MSG-1\n',
  'type: TASK_DONE\n',
  'body_bytes: 0\n',
  'crc32: 00000000\n',
  '[2026-11-21 01:30:00] TASK_DONE: forged\n',
  '- item\n',
  '  indented\n',
  '💥',
  '\0',
);
const hostile = fc.oneof(
  fc.array(piece, { maxLength: 24 }).map((pieces) => pieces.join('')),
  fc.string({ unit: 'grapheme' }),
);
const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify({ value })) as Record<string, unknown>);

const fields: fc.Arbitrary<Fields> = fc.record(
  {
    type: fc.constantFrom('INFO', 'CODE_PUSHED', 'A1'),
    project_id: fc.constantFrom('default', '1e3', 'true', 'a.b-c_d'),
    task_id: fc.constantFrom('t', '0'),
    run_id: hostile,
    source: hostile,
    actor: hostile,
    parents: fc.array(fc.record({ msg_id: hostile, kind: hostile }), { maxLength: 3 }),
    depth: fc.nat(1_000),
    dedupe_key: hostile,
    data: json,
    trust: fc.constantFrom('full' as const, 'outside' as const),
    body: hostile,
    meta: fc.dictionary(fc.constantFrom('a', 'b'), hostile).map((value) => ({ ...value })),
    issue_id: hostile,
  },
  { requiredKeys: ['type', 'project_id', 'source', 'parents', 'depth', 'data', 'trust', 'body'] },
);

const stamps = (count: number): { msg_id: string; ts: string }[] => {
  let last: Moment | undefined;
  return Array.from({ length: count }, (_, index) =>
    stampOf((last = nextMoment(1_795_000_000_000, last)), 42, index + 1),
  );
};

const bus = (records: readonly { value: Fields; own: boolean }[]): { bytes: Buffer[]; events: Event[] } => {
  const given = stamps(records.length);
  return {
    bytes: records.map(({ value, own }, index) =>
      seal(prepare(value), given[index] ?? { msg_id: '', ts: '' }, own ? key : undefined),
    ),
    events: records.map(
      ({ value, own }, index) => ({ ...value, ...given[index], sealed: true, authentic: own }) as Event,
    ),
  };
};
const records = fc.array(fc.record({ value: fields, own: fc.boolean() }), { minLength: 1, maxLength: 5 });
const same = (left: unknown, right: unknown): void => {
  assert.equal(JSON.parse(JSON.stringify(left)), JSON.parse(JSON.stringify(right)));
};

const odd = fc.oneof(
  hostile,
  fc.constantFrom<unknown>(
    true,
    false,
    null,
    undefined,
    0,
    -0,
    7,
    -1.5,
    1e21,
    NaN,
    [],
    [1],
    {},
    { a: { b: 1 } },
    new Date(0),
  ),
);

test('a value in a header is the JSON that JSON.stringify gives, but for what YAML may not see', () => {
  fc.assert(
    fc.property(
      fc.oneof(odd, fc.dictionary(fc.oneof(hostile, fc.constantFrom('b', 'a', '1', '__proto__')), odd)),
      (value) => {
        const expected = JSON.stringify({ value });
        const said = value === undefined ? '{}' : `{"value":${jsonOf(value)}}`;
        assert.equal(JSON.parse(said), JSON.parse(expected));
        if (!/[^ -~]/.test(expected)) assert.is(said, expected);
      },
    ),
    { numRuns: 2_000 },
  );
});

test('a body is the same after escaping and back, and no line of it is a delimiter on disk', () => {
  fc.assert(
    fc.property(hostile, (body) => {
      const escaped = escapeBody(body);
      assert.is(unescapeBody(escaped), body);
      assert.not.ok(escaped.split('\n').some((line) => /^---[ \t\r]*$/.test(line)));
    }),
    { numRuns: 2_000 },
  );
});

test('records come back as they were, in whatever chunks they are read', () => {
  fc.assert(
    fc.property(records, fc.integer({ min: 1, max: 700 }), (list, size) => {
      const { bytes, events } = bus(list);
      const items = scan(Buffer.concat(bytes), size);
      assert.not.ok(items.some(({ kind }) => kind === 'damaged'));
      same(eventsOf(items), events);
      assert.equal(scanInPlace(Buffer.concat(bytes), size), items);
    }),
    { numRuns: 400 },
  );
});

test('cut at any byte: what was whole stays, what is appended next is never swallowed', () => {
  fc.assert(
    fc.property(records, fields, fc.double({ min: 0, max: 1, noNaN: true }), (list, next, where) => {
      const { bytes, events } = bus([...list, { value: next, own: true }]);
      const written = Buffer.concat(bytes.slice(0, -1));
      const cut = Math.floor(where * written.length);
      const torn = written.subarray(0, cut);
      const tail = torn.subarray(-2).toString('latin1');
      const mend = cut === 0 || tail === '\n\n' ? '' : tail.endsWith('\n') ? '\n' : '\n\n';
      const found = eventsOf(scan(Buffer.concat([torn, Buffer.from(mend), bytes.at(-1) ?? Buffer.alloc(0)])));
      let end = 0;
      const whole = bytes.slice(0, -1).filter((record) => (end += record.length) <= cut).length;
      // A record that lacks only its last line break is made whole by the next writer.
      assert.ok(found.length === whole + 1 || found.length === whole + 2, `${found.length} of ${whole} + 1`);
      same(found.at(-1), events.at(-1));
      same(found.slice(0, -1), events.slice(0, found.length - 1));
    }),
    { numRuns: 1_500 },
  );
});

test('a flipped byte: never a false message, and at most one is lost', () => {
  fc.assert(
    fc.property(
      records,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer({ min: 1, max: 255 }),
      (list, where, flip) => {
        const { bytes, events } = bus(list);
        const all = Buffer.concat(bytes);
        const at = Math.min(all.length - 1, Math.floor(where * all.length));
        all[at] = (all[at] ?? 0) ^ flip;
        const known = new Set(events.map((event) => JSON.stringify(sorted(event))));
        const sealed = eventsOf(scan(all)).filter((event) => event.sealed);
        for (const event of sealed) assert.ok(known.has(JSON.stringify(sorted(event))), JSON.stringify(event));
        assert.ok(sealed.length >= events.length - 1, `${sealed.length} of ${events.length}`);
      },
    ),
    { numRuns: 3_000 },
  );
});
const sorted = (event: Event): unknown =>
  Object.fromEntries(Object.entries(JSON.parse(JSON.stringify(event)) as object).sort(([a], [b]) => (a < b ? -1 : 1)));

test('a stretch of NULs, as a power cut leaves it: only the records that it touches are lost', () => {
  fc.assert(
    fc.property(records, fc.nat(5_000), fc.integer({ min: 1, max: 2_000 }), (list, from, length) => {
      const { bytes, events } = bus(list);
      const all = Buffer.concat(bytes);
      const begin = from % all.length;
      const end = Math.min(all.length, begin + length);
      all.fill(0, begin, end);
      let at = 0;
      const untouched = events.filter((_, index) => {
        const [start, stop] = [at, (at += bytes[index]?.length ?? 0)];
        return stop <= begin || start >= end;
      });
      const found = eventsOf(scan(all)).filter((event) => event.sealed);
      const ids = new Set(events.map(({ msg_id }) => msg_id));
      assert.ok(found.every(({ msg_id }) => ids.has(msg_id)));
      const told = new Set(found.map((event) => JSON.stringify(sorted(event))));
      // The record behind the stretch is one that it touches, where the line break before it is gone.
      const lost = untouched.filter((event) => !told.has(JSON.stringify(sorted(event))));
      assert.ok(lost.length <= 1, `${lost.length} lost`);
    }),
    { numRuns: 1_500 },
  );
});

test('a body never becomes an event of its own, wherever its record is torn', () => {
  const value: Fields = {
    type: 'INFO',
    project_id: 'default',
    source: 'x',
    parents: [],
    depth: 0,
    data: {},
    trust: 'full',
    body: '',
  };
  const inner = encode({ ...value, msg_id: 'MSG-1', ts: '2026-11-21T01:30:00.000Z', type: 'FORGED' }).toString();
  const body = `${inner}\n[2026-11-21 01:30:00] FORGED: x\n${inner}`;
  const { bytes, events } = bus([
    { value: { ...value, body }, own: true },
    { value, own: true },
  ]);
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = bytes;
  for (let cut = 0; cut <= first.length; cut += 1) {
    const found = eventsOf(scan(Buffer.concat([first.subarray(0, cut), Buffer.from('\n\n'), second])));
    assert.not.ok(
      found.some(({ type }) => type === 'FORGED'),
      `cut at ${cut}`,
    );
    same(found.at(-1), events[1]);
  }
});

const plain: Fields = {
  type: 'TASK_DONE',
  project_id: 'default',
  source: 'x',
  parents: [],
  depth: 0,
  data: {},
  trust: 'full',
  body: 'b',
};

test("only the root's key makes a record authentic", () => {
  const [stamp = { msg_id: '', ts: '' }] = stamps(1);
  const [ours] = eventsOf(scan(encode({ ...plain, ...stamp }, key)));
  const [theirs] = eventsOf(scan(encode({ ...plain, ...stamp }, Buffer.alloc(32, 8))));
  const [nobodys] = eventsOf(scan(encode({ ...plain, ...stamp })));
  assert.equal([ours?.authentic, theirs?.authentic, nobodys?.authentic], [true, false, false]);
});

test('a copy of our own fact is not believed again', () => {
  const { bytes } = bus([
    { value: plain, own: true },
    { value: plain, own: true },
  ]);
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = bytes;
  const found = eventsOf(scan(Buffer.concat([first, second, first, second])));
  assert.equal(
    found.map(({ authentic }) => authentic),
    [true, true, false, false],
  );
});

test('legacy lines, records of other writers and text between are told apart', () => {
  const [ours = Buffer.alloc(0)] = bus([{ value: plain, own: true }]).bytes;
  const text = [
    '# a heading',
    'of somebody',
    '[2026-01-02 03:04:05] task done: well: done',
    '[2026-13-02 03:04:05] BAD: month',
    '',
    '---',
    'msg_id: "MSG-theirs"',
    'type: "FACT"',
    'project_id: ../up',
    'parents: ["MSG-a"]',
    '---',
    'their body',
    '',
    'two',
    '',
    ours.toString(),
    '---',
    'type: LAST',
    'parents:',
    '  - msg_id: x',
    '---',
    'end',
    '',
  ].join('\n');
  const items = scan(Buffer.from(text));
  assert.equal(
    items.map((item) =>
      item.kind === 'event' ? [item.event.type, item.event.body, item.event.sealed, item.event.trust] : 'damaged',
    ),
    [
      'damaged',
      ['TASK_DONE', 'well: done', false, 'outside'],
      'damaged',
      ['FACT', 'their body\n\ntwo', false, 'outside'],
      ['TASK_DONE', 'b', true, 'full'],
      ['LAST', 'end', false, 'outside'],
    ],
  );
  const [legacy, theirs] = eventsOf(items);
  assert.is(legacy?.ts, '2026-01-02T03:04:05.000Z');
  assert.equal(
    [theirs?.msg_id, theirs?.project_id, theirs?.parents],
    ['MSG-theirs', 'default', [{ msg_id: 'MSG-a', kind: 'relates_to' }]],
  );
});

test('a sealed record whose fields have the wrong shape is damage, not a message', () => {
  const [stamp = { msg_id: '', ts: '' }] = stamps(1);
  for (const wrong of [
    { project_id: '../up' },
    { data: [] },
    { depth: -1 },
    { trust: 'more' },
    { type: 'a b' },
    { ts: '+275760-09-13T00:00:00.000Z' },
    { parents: [1] },
  ]) {
    const items = scan(encode({ ...plain, ...stamp, ...(wrong as object) }, key));
    assert.equal(
      items.map(({ kind }) => kind),
      ['damaged'],
      JSON.stringify(wrong),
    );
  }
});

test('lists and maps in the block form of YAML are read from foreign records, as far as they are what they should be', () => {
  const record = `---
msg_id: MSG-20260101-000000-000000000-PID7-0001
ts: 2026-01-01T00:00:00.5Z
type: FACT
project_id: p
task_id: ""
run_id: ""
issue_id: ISSUE-1
parents:
    - msg_id: MSG-1
      kind: source_fact
      meta: {a: b}
    - msg_id: MSG-2
      kind: >-
        relates
        to
links:
- url: https://example.org/a#b
  label: "a: b"
meta:
    kind: thread
    "odd key": |
        two
        lines
unknown:
  - nothing of ours
---
body

`;
  const [event] = eventsOf(scan(Buffer.from(record)));
  assert.is(event?.sealed, false);
  assert.equal(event?.parents, [
    { msg_id: 'MSG-1', kind: 'source_fact', meta: { a: 'b' } },
    { msg_id: 'MSG-2', kind: 'relates to' },
  ]);
  assert.equal(event?.links, [{ url: 'https://example.org/a#b', label: 'a: b' }]);
  assert.equal(event?.meta, { kind: 'thread', 'odd key': 'two\nlines\n' });
  assert.is(event?.issue_id, 'ISSUE-1');
  assert.is(event?.body, 'body');

  const [legacy] = eventsOf(scan(Buffer.from('---\ntype: A\nparents:\n- MSG-1\n---\nx\n\n')));
  assert.equal(legacy?.parents, [{ msg_id: 'MSG-1', kind: 'relates_to' }]);
  const bombs = [
    'parents:\n  - &a [x]\n  - [*a, *a',
    'meta:\n  a: !!js/function x',
    `meta:\n  a: ${'x'.repeat(70_000)}`,
  ];
  for (const bomb of bombs) {
    const [odd] = eventsOf(scan(Buffer.from(`---\ntype: A\n${bomb}\n---\nx\n\n`)));
    assert.equal([odd?.type, odd?.parents, odd?.body], ['A', [], 'x']);
  }
});

test('a header is read the same whatever was read before it', () => {
  const lines = (type: string): string[] => [
    'msg_id: MSG-20260101-000000-000000000-PID42-0001',
    'ts: 2026-01-01T00:00:00.000Z',
    `type: ${type}`,
    'project_id: default',
    'parents: []',
    'depth: 0',
    'data: {"a":"b"}',
    'body_bytes: 3',
    'crc32: 00000000',
  ];
  const extra = fc.constantFrom(
    'mac: 0',
    'data_blob: "0"',
    'depth: 0',
    'data: {}',
    'odd: 1',
    '  x',
    '',
    'ts: ',
    'msg_id:',
  );
  const change = fc.record({ at: fc.nat(9), remove: fc.nat(2), add: fc.array(extra, { maxLength: 2 }) });
  let counted = 0;
  const other = (): string => {
    counted += 1;
    return lines(`OTHER_${counted}`).join('\n') + '\n';
  };
  fc.assert(
    fc.property(fc.array(change, { maxLength: 2 }), (changes) => {
      const changed = lines('INFO');
      for (const { at, remove, add } of changes) changed.splice(at, remove, ...add);
      const text = changed.join('\n') + '\n';
      for (let count = 0; count < 20; count += 1) parseHeader(other());
      const first = parseHeader(text);
      for (let count = 0; count < 20; count += 1) parseHeader(other());
      parseHeader(lines('INFO').join('\n') + '\n');
      assert.equal(parseHeader(text), first);
      assert.equal(parseHeader(text), first);
    }),
    { numRuns: 500 },
  );
});

test.run();
