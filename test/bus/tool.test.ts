import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { closedSegments } from '../../src/bus/segments.js';
import { DEFAULTS, readSettings, saveSettings } from '../../src/bus/settings.js';
import type { Event } from '../../src/core/event.js';
import { cleanEnvironment, command, temporary, tool, until } from '../support/service.js';

const bus = (args: readonly string[], root: string) =>
  tool('messagebus-tool', [...args, '--root', root], { env: cleanEnvironment() });

const write = async (root: string, body: string, ...options: string[]): Promise<string> => {
  const { stdout, code } = await bus(['write', body, ...options], root);
  assert.is(code, 0);
  return stdout.trim();
};

test('what is written is read, by id, type and number, as text and as JSON', async () => {
  const root = temporary('tool');
  const ids = [];
  for (const body of ['one\n---\nmsg_id: forged', 'two', 'three'])
    ids.push(await write(root, body, '--type', body[1]!));
  const since = await bus(['read', '--since-id', ids[0]!, '--json'], root);
  assert.equal(
    since.stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as Event).body),
    ['two', 'three'],
  );
  const tail = await bus(['read', '--tail', '1', '--type', 'n,w'], root);
  assert.match(tail.stdout, /^msg_id: MSG-.*\n(.*\n)*body: "two"\n$/);
  const text = await bus(['read'], root);
  assert.is(text.stdout.split('\n').filter((line) => line.startsWith('msg_id:')).length, 3);
  const unknown = await bus(['read', '--since-id', 'MSG-nobody'], root);
  assert.is(unknown.code, 2);
  assert.is(unknown.stdout, '');
});

test('follow tells only what comes, and after an id all of it', async () => {
  const root = temporary('tool');
  const first = await write(root, 'before');
  const followers = [['follow'], ['follow', '--since-id', ''], ['follow', '--since-id', first]].map((args) => {
    const child = spawn(process.execPath, [command('messagebus-tool'), ...args, '--json', '--root', root], {
      env: cleanEnvironment(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    return { child, bodies: () => [...output.matchAll(/"body":"(\w+)"/g)].map((match) => match[1]) };
  });
  let number = 0;
  // The one that tells only new ones has no sign of being ready: it is spoken to until it answers.
  await until('all answer', async () => {
    await write(root, `m${++number}`);
    return followers.every(({ bodies }) => bodies().includes(`m${number}`));
  });
  for (const { child } of followers) {
    child.kill();
    await once(child, 'exit');
  }
  const all = Array.from({ length: number }, (_, index) => `m${index + 1}`);
  const [fresh, whole, after] = followers.map(({ bodies }) => bodies());
  assert.equal(whole, ['before', ...all]);
  assert.equal(after, all);
  assert.equal(fresh, all.slice(-fresh!.length));
});

test('a reader that goes away ends read without a word', async () => {
  const root = temporary('tool');
  for (const letter of ['x', 'y']) {
    const options = { env: cleanEnvironment(), stdin: letter.repeat(2_000_000) };
    assert.is((await tool('messagebus-tool', ['write', '--root', root], options)).code, 0);
  }
  const child = spawn(process.execPath, [command('messagebus-tool'), 'read', '--root', root], {
    env: cleanEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  await once(child.stdout, 'data');
  child.stdout.destroy();
  const [code] = (await once(child, 'close')) as [number | null];
  assert.equal([code, errors], [0, '']);
});

test('what lies together is told as one range, by check and by read, and a torn end of a closed file too', async () => {
  const root = temporary('tool');
  for (const body of ['one', 'two', 'three', 'four']) await write(root, body);
  const file = join(root, 'MESSAGE-BUS.md');
  const bytes = readFileSync(file);
  const after = (body: string): number => bytes.indexOf('---\n', bytes.indexOf(`\n${body}\n`));
  const [two, three, four] = [after('one'), after('two'), after('three')];
  // Of one header nothing but the id is left; of the other nothing, and what ended it looks like the beginning of another.
  bytes.fill(0, 40, two - 20);
  bytes.fill(0, three + 4, four - 20);
  const torn = bytes.length;
  const closed = join(root, 'MESSAGE-BUS-000001-0000abcd.md');
  writeFileSync(closed, Buffer.concat([bytes, Buffer.from('---\nmsg_id: MSG-')]));
  rmSync(file);
  await write(root, 'five');
  const ranges = [
    `${closed}: bytes 0 to ${two}: `,
    `${closed}: bytes ${three} to ${four}: `,
    `${closed}: bytes ${torn} to ${torn + 16}: `,
  ];
  const said = (text: string): string[] => text.split('\n').filter((line) => line.includes(': bytes '));
  const { stdout } = await bus(['check'], root);
  const { stderr } = await bus(['read'], root);
  for (const lines of [said(stdout), said(stderr)])
    assert.equal(
      lines.map((line) => ranges.findIndex((range) => line.includes(range))),
      [0, 1, 2],
    );
});

test('check finds every damaged range and leaves with 2; stats counts', async () => {
  const root = temporary('tool');
  for (const body of ['one', 'two', 'three']) await write(root, body, '--project', 'p');
  const good = await bus(['check', '--json'], root);
  assert.is(good.code, 0);
  const { messages, damaged, unsealed } = JSON.parse(good.stdout) as Record<string, unknown>;
  assert.equal({ messages, damaged, unsealed }, { messages: 3, damaged: [], unsealed: 0 });

  const file = join(root, 'MESSAGE-BUS.md');
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, `${text.replace('\ntwo\n', '\ntwO\n')}[2026-11-21 01:30:00] INFO: by hand\n`);
  const bad = await bus(['check'], root);
  assert.is(bad.code, 2);
  const from = text.indexOf('---\n', text.indexOf('\none\n'));
  assert.match(bad.stdout, new RegExp(`^${file}: bytes ${from} to \\d+: length or checksum do not fit\n3 messages`));

  const stats = JSON.parse((await bus(['stats', '--json'], root)).stdout) as Record<string, unknown>;
  assert.equal(
    [stats['messages'], stats['unsealed'], stats['damaged'], stats['projects']],
    [3, 1, 1, { p: 2, default: 1 }],
  );
});

test('write keeps to what the service was told of the bus: when a file is closed, and how durable', async () => {
  const root = temporary('tool');
  await write(root, 'makes the root');
  const rotation = { bytes: 1_024, age_ms: 86_400_000 };
  saveSettings(root, { durability: 'os', rotation });
  for (let number = 0; number < 8; number += 1) await write(root, `${number} ${'x'.repeat(400)}`);
  assert.is(closedSegments(root).length, 3);
  const { stdout } = await bus(['check'], root);
  assert.match(stdout, /^9 messages in 4 files, \d+ bytes: 0 damaged/);
  // Whatever is wrong with the file, no message is refused for it.
  writeFileSync(join(root, '.conductor', 'bus.json'), '{"rotation":{"bytes":"many"},"durability":7}');
  assert.equal(readSettings(root), DEFAULTS);
  assert.is(readSettings(root, 'os').durability, 'os');
  await write(root, 'last');
  assert.is(closedSegments(root).length, 3);
});

test('wrong use is told, with exit code 2 and nothing written', async () => {
  const root = temporary('tool');
  for (const args of [
    [],
    ['shout'],
    ['write', 'a', 'b'],
    ['write', 'a', '--data', '[1]'],
    ['write', 'a', '--type', 'TASK_DONE'],
    ['write', 'a', '--project', '../up'],
    ['read', '--tail', '-1'],
    ['read', '--project', '../up'],
    ['check', 'x'],
  ]) {
    const { code, stderr, stdout } = await bus(args, root);
    assert.is(code, 2, args.join(' '));
    assert.match(stderr, /^messagebus-tool: /);
    assert.is(stdout, '');
  }
  assert.is((await bus(['read'], root)).stdout, '');
});

test.run();
