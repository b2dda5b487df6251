import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { project } from '../support/service.js';
import { blocksOf } from './blocks.js';
import { blocks, type Case } from './case.js';
import { guide } from './guide-cases.js';
import { load } from './load-cases.js';
import { patterns } from './patterns-cases.js';
import { practices } from './practices-cases.js';

const cases: readonly Case[] = [...practices, ...load, ...guide, ...patterns];
const nameOf = (one: { file: string; section: string; number: number }): string =>
  `${one.file} · ${one.section} · ${one.number}`;

test('a block is found by its section and its number in it, also inside of a list', () => {
  const text =
    '## A\n```bash\none\n```\n```yaml\nno: 1\n```\n### B\n1. x\n   ```bash\n   two\n     three\n   ```\n## C\n```sh\nfour\n```\n';
  assert.equal(
    blocksOf('x.md', text).map(({ section, number, text: script }) => [section, number, script]),
    [
      ['A', 1, 'one\n'],
      ['A', 2, 'two\n  three\n'],
      ['C', 1, 'four\n'],
    ],
  );
});

test('every shell block of the documents is one of the cases, and every case is a block', () => {
  if (blocks.length === 0) return assert.is(blocks.length, 0, 'the documents are not beside this repository');
  assert.equal(cases.map(nameOf).sort(), blocks.map(nameOf).sort());
});

test('what is no script or faulty is listed in test/README.md with its reason', () => {
  const text = readFileSync(join(project, 'test', 'README.md'), 'utf8').replaceAll(/\s+/g, ' ');
  for (const { section, number, kind, reason } of cases) {
    if (kind === 'works' || kind === 'template') continue;
    assert.ok(text.includes(`${section}, ${number} | ${kind} | ${reason}`), `${section}, ${number}: ${reason}`);
  }
});

test.run();
