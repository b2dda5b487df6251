import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openTail, type Limits } from '../../src/runner/tail.js';
import { temporary } from '../support/service.js';
import { openWorld, script } from './world.js';

const open = (limits?: Limits) => {
  const folder = temporary('tail');
  const paths = { raw: join(folder, 'raw'), copy: join(folder, 'copy') };
  writeFileSync(paths.raw, '');
  const lines: string[] = [];
  const redact = (text: string): string => text.replaceAll('secret', '[redacted]');
  const tail = openTail({ ...paths, redact, onLine: (line) => lines.push(line), ...(limits ? { limits } : {}) });
  return { ...paths, tail, lines, say: (text: string | Buffer) => appendFileSync(paths.raw, text) };
};

test('lines come whole, however they were written, and letters that were cut in two as well', async () => {
  const { tail, lines, say, copy } = open();
  const bytes = Buffer.from('grüße 1\nzwei\nohne Ende');
  for (const byte of bytes) {
    say(Buffer.from([byte]));
    await tail.pull();
  }
  assert.equal(lines, ['grüße 1', 'zwei']);
  await tail.close();
  assert.equal(lines, ['grüße 1', 'zwei', 'ohne Ende']);
  assert.is(readFileSync(copy, 'utf8'), bytes.toString());
  assert.is(tail.bytes, bytes.length);
});

test('what is too much is heard and no longer kept; the raw file does not grow without end; the last line is heard', async () => {
  const { tail, lines, say, copy, raw } = open({ kept: 10_000, lag: 20_000, raw: 100_000 });
  for (let round = 0; round < 40; round++) {
    say(`${`${round}: ${'x'.repeat(90)}\n`.repeat(100)}`);
    await tail.pull();
    assert.ok(statSync(raw).size <= 110_000, `${statSync(raw).size} bytes`);
  }
  say('the end\n');
  await tail.close();
  assert.is(lines.at(-1), 'the end');
  assert.match(readFileSync(copy, 'utf8'), 'the rest of this stream was not kept');
  assert.ok(statSync(copy).size < 20_000);
  assert.ok(tail.bytes > 300_000);
});

for (const lines of [1_500, 5_000])
  test(`what is emptied unread, ${lines / 1_000} times as much as may lie there, is heard at its end all the same`, async () => {
    const { tail, lines: heard, say, raw } = open({ kept: 10_000, lag: 20_000, raw: 100_000 });
    say(`${'z'.repeat(99)}\n`.repeat(lines));
    say('the result\n');
    await tail.pull();
    assert.is(heard.at(-1), 'the result');
    assert.ok(
      heard.slice(0, -1).every((line) => line === 'z'.repeat(99)),
      'and no half line',
    );
    await tail.pull();
    assert.is(statSync(raw).size, 0);
    say('and on\n');
    await tail.close();
    assert.is(heard.at(-1), 'and on');
    assert.is(tail.bytes, lines * 100 + 'the result\nand on\n'.length);
  });

test('who writes much faster than it is read is skipped to the end, not followed for ever', async () => {
  const { tail, lines, say } = open({ kept: 10_000, lag: 20_000, raw: 1_000_000 });
  say(`${'y'.repeat(99)}\n`.repeat(5_000));
  say('the result\n');
  await tail.close();
  assert.is(lines.at(-1), 'the result');
  assert.ok(lines.length < 2_000, `${lines.length} lines`);
});

test('an agent that floods its output is not held up, and its result counts', async () => {
  const world = await openWorld();
  const { end, read } = await world.run(
    'codex',
    script({ flood: 200_000_000 }, { say: 'after the flood' }, { result: true }),
  );
  assert.equal([end.status, end.output], ['completed', 'after the flood'], end.error_summary);
  assert.ok(read('agent-stdout.txt').length < 70_000_000);
});

test.run();
