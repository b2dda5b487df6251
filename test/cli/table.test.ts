import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatTable } from '../../src/cli/table.js';

const columns = [
  { title: 'task', of: (row: { id: string; text: string }) => row.id },
  { title: 'text', of: (row: { id: string; text: string }) => row.text },
];

test('without a terminal a row is one line of tabs, whatever its cells hold', () => {
  const rows = [{ id: 'a', text: 'two\nlines\u001B[31m' }];
  assert.is(formatTable(rows, columns, undefined), 'a\ttwo lines [31m\n');
  assert.is(formatTable([], columns, undefined), '');
});

test('on a terminal no line is wider than it', () => {
  const rows = [
    { id: 'short', text: 'x'.repeat(200) },
    { id: 'longer-name', text: 'y' },
  ];
  const lines = formatTable(rows, columns, 40).trimEnd().split('\n');
  assert.is(lines[0], 'TASK         TEXT');
  assert.is(Math.max(...lines.map((line) => line.length)), 40);
  assert.ok(lines[1]!.endsWith('x…'));
});

test.run();
