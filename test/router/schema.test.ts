import { stringify } from 'yaml';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { z } from 'zod';
import { checkTable } from '../../src/router/check-table.js';
import { ruleFileJsonSchema } from '../../src/router/json-schema.js';
import { randomOf } from '../support/random.js';

type Doc = Record<string, unknown>;
const inEditor = z.fromJSONSchema(ruleFileJsonSchema());
const editorTakes = (doc: unknown): boolean => inEditor.safeParse(doc).success;

/** Undefined, or why the service refuses it. */
const refusal = (doc: unknown): string | undefined => {
  try {
    checkTable([{ file: 'r.yaml', text: stringify(doc) }], [{ name: 'h' }]);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
};

const whole = (): Doc => ({
  rules: [
    {
      id: 'one',
      on: 'A',
      do: 'h',
      match: { 'data.k': 'x', 'event.data.n': { lt: 3, gte: 1 } },
      when: 'event.data.n < 3.0',
      with: { a: 1 },
      throttle: { first: 2, per: 'data.k', within: '10m' },
      debounce: { quiet: '1s', max_wait: '1m30s', per: ['data.k', 'type'] },
      threshold: { at_least: 3, within: 60 },
      sustained: { for: '0.5h' },
      concurrency: { key: 'data.k', limit: 2, on_conflict: 'skip', group: 'g' },
      actor: { not: ['self'] },
      breaker: { fires: 3, within: '1h' },
      trust: 'full',
      budget: { per: 'data.k', runs_per_day: 3, usd_per_run: 1, usd_per_day: 5 },
      expires: '2027-01-01',
      tests: [{ name: 'n', given: { data: {} }, expect: { fires: true, because: 'x' } }],
    },
    {
      id: 'two',
      on: { not_all: ['A', { on: ['B'], match: { 'data.x': 1 }, opens: false }], within: '5m', by: 'data.k' },
      do: 'h',
    },
  ],
});

const VALUES: readonly unknown[] = [
  ...[null, true, false, 0, 1, -1, 2.5, '', 'x', '5m', '0s', '10', '1h30m', 'release/*', [], ['a'], [1], {}],
  ...[{ not: 'x' }, { lt: 3 }, { lt: 'x' }, { nope: 1 }, ['data.sha'], 'data.sha', 'event.data.x', 'foo.bar', 'soon'],
  ...['queue', 'full', 'two words', 'fires', { fires: 2 }, [{ type: 'A' }], 'RUN_*', 'event.data.n < 3.0', 1_001],
];

const pathsOf = (value: unknown, at: (string | number)[] = []): (string | number)[][] =>
  typeof value === 'object' && value !== null
    ? [at, ...Object.entries(value).flatMap(([key, one]) => pathsOf(one, [...at, key]))]
    : [at];

test('an editor underlines no file that the service takes', () => {
  const random = randomOf(9);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const counts = { taken: 0, both: 0, service: 0 };
  assert.is(refusal(whole()), undefined);
  for (let n = 0; n < 1_500; n++) {
    const doc = whole();
    const path = pick(pathsOf(doc).slice(1));
    let folder = doc as Record<string | number, unknown>;
    for (const key of path.slice(0, -1)) folder = folder[key] as Doc;
    const kind = random();
    const key = kind < 0.15 ? pick(['extra', 'within', 'on', 'per']) : path.at(-1)!;
    if (kind > 0.85) delete folder[key];
    else folder[key] = structuredClone(pick(VALUES));
    const why = refusal(doc);
    const takes = editorTakes(JSON.parse(JSON.stringify(doc)));
    if (why === undefined) assert.ok(takes, `${path.join('.')} is good: ${stringify(doc)}`);
    counts[why === undefined ? 'taken' : takes ? 'service' : 'both'] += 1;
  }
  assert.ok(counts.taken > 100 && counts.both > 500, JSON.stringify(counts));
  assert.ok(counts.service < counts.both / 8, `most of what is wrong is seen in the editor: ${JSON.stringify(counts)}`);
});

const rule = (rest: Doc): Doc => ({ rules: [{ id: 'r', on: 'A', do: 'h', ...rest }] });

for (const [what, doc, why] of [
  ['no duration', rule({ throttle: { within: 'soon' } }), /throttle\.within: "soon" is no duration/],
  ['no field of events', rule({ throttle: { within: '5m', per: 'repository' } }), /did you mean "data\.repository"/],
  ['an operator is missing', rule({ match: { 'data.x': {} } }), /an operator is missing/],
  ['a key of another', rule({ throttle: { within: '5m', quiet: '5m' } }), /unknown key "quiet"/],
  ['a key that is a list of numbers', rule({ debounce: { quiet: '5s', per: 5 } }), /per: must be a string or an array/],
  ['a time that is a list', rule({ max_age: ['5m'] }), /max_age: must be a string or a number/],
  ['no date', rule({ expires: 20_270_101 }), /expires: Invalid input: expected string/],
  ['a bad time beside a good kind', rule({ on: { not_all: ['A'], within: 'x' } }), /on\.within: "x" is no duration/],
  [
    'a kind that is misspelt',
    rule({ on: { not_al: ['A'], within: '5m' } }),
    /unknown key "not_al"; did you mean "not_all"/,
  ],
] as const)
  test(`${what}: said by the service, and underlined by an editor`, () => {
    assert.match(refusal(doc) ?? 'taken', why);
    assert.not.ok(editorTakes(doc));
  });

test.run();
