import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ConductorError } from '../../src/core/errors.js';
import { checkTable } from '../../src/router/check-table.js';
import { compileTable } from '../../src/router/compile.js';
import { project } from '../support/service.js';
import { randomOf } from '../support/random.js';

const MUTATIONS = 10_000;

const WHOLE = `rules:
  - id: one
    on: [TEST_FAILED, "X_*"]
    match: { project_id: acme, data.branch: [main, release/*], data.n: { lt: 3, exists: true } }
    when: 'has(event.data.sha) && re(event.body, "fo+") && event.data.n < 3.0'
    do: h
    with: { a: [1, 2] }
    throttle: { first: 2, per: data.branch, within: 10m }
    concurrency: { key: [data.repo], limit: 1, on_conflict: queue, group: g }
    actor: { not: [self, bots] }
    budget: { runs_per_day: 20, usd_per_run: 2 }
    expires: 2027-01-01
    tests: [{ given: { data: { n: 1 } }, expect: { fires: true, because: x } }]
  - { id: two, on: { not_all: [A, { on: B, match: { data.k: 1 } }], within: 15m, by: data.sha }, do: h, debounce: { quiet: 1s, max_wait: 5s } }
`;

const PIECES = [
  '{',
  '}',
  '[',
  ']',
  ':',
  ',',
  '-',
  '\n',
  '  ',
  '"',
  "'",
  '#',
  '*',
  '&a',
  '*a',
  '!!str',
  '|',
  '>',
  '\t',
  '\u0000',
  'é',
  '🚀',
  'null',
  '1e999',
  '-1',
  'true',
  '<<: ',
  '? ',
  '%',
  '@',
  '`',
  '\\',
  '0x',
  '~',
  '---\n',
  '...\n',
  '(',
  ')',
  '&&',
];

const mutate = (text: string, random: () => number): string => {
  let mutated = text;
  for (let count = 1 + Math.floor(random() * 3); count > 0; count--) {
    const at = Math.floor(random() * mutated.length);
    const length = Math.floor(random() ** 3 * 30);
    const piece = PIECES[Math.floor(random() * PIECES.length)]!;
    const kind = random();
    if (kind < 0.3) mutated = mutated.slice(0, at) + mutated.slice(at + 1 + length);
    else if (kind < 0.6) mutated = mutated.slice(0, at) + piece + mutated.slice(at);
    else if (kind < 0.8) mutated = mutated.slice(0, at) + piece + mutated.slice(at + 1);
    else mutated = mutated.slice(0, at) + mutated.slice(at, at + length) + mutated.slice(at);
  }
  return mutated;
};

test(`${MUTATIONS} mutations of rule files are taken, or refused with a position; nothing else`, () => {
  const random = randomOf(4);
  const texts = [WHOLE, readFileSync(join(project, 'rules', 'conductor.yaml'), 'utf8')];
  const handlers = [
    'h',
    'run-tests',
    'investigate',
    'deploy',
    'review',
    'notice-change',
    'audit',
    'optimize',
    'check-health',
    'say-no-handler',
  ].map((name) => ({ name }));
  for (const text of texts) checkTable([{ file: 'r.yaml', text }], handlers);
  let taken = 0;
  let placed = 0;
  for (let n = 0; n < MUTATIONS; n++) {
    // Mostly the small one, which holds every key: a large file takes longer and shows no more.
    const text = mutate(n % 10 === 0 ? texts[1]! : texts[0]!, random);
    try {
      const rules = checkTable([{ file: 'r.yaml', text }], handlers).map(({ rule }) => rule);
      compileTable({ hash: 'x', rules });
      taken += 1;
    } catch (error) {
      if (!(error instanceof ConductorError)) throw new Error(`mutation ${n} crashed:\n${text}`, { cause: error });
      assert.is(error.code, 'invalid_file', error.message);
      assert.is(error.position?.file, 'r.yaml');
      const { line = 0, column = 0 } = error.position!;
      const there = text.split('\n')[line - 1];
      const name = `${error.message} of mutation ${n}:\n${text}`;
      assert.ok(there !== undefined && column >= 1 && column <= there.length + 1, name);
      if (line > 1 || column > 1) placed += 1;
    }
  }
  assert.ok(taken > MUTATIONS / 50 && taken < MUTATIONS, `${taken} were taken`);
  const refused = MUTATIONS - taken;
  assert.ok(placed > refused * 0.9, `of ${refused} refused ${placed} are placed after the beginning`);
});

test.run();
