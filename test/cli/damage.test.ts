// What cannot be read of the bus is said once, on the log and as a fact that a rule may answer.
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../../src/core/event.js';
import { cleanEnvironment, startService, temporary, tool, until } from '../support/service.js';

const env = cleanEnvironment();

test('each damaged range is said once with its bytes, whatever is restarted, and a rule may answer', async () => {
  const folder = temporary('damage');
  const root = join(folder, 'runs');
  const file = join(root, 'MESSAGE-BUS.md');
  for (const name of ['rules', 'handlers']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'config.yaml'), 'timers: {}\n');
  writeFileSync(join(folder, 'rules', 'page.yaml'), 'rules:\n  - { id: page, on: CONDUCTOR_BUS_DAMAGED, do: page }\n');
  writeFileSync(join(folder, 'handlers', 'page.yaml'), 'name: page\nsteps:\n  - shell: echo paged\n');
  const bus = async (...args: string[]): Promise<string> =>
    (await tool('messagebus-tool', [...args, '--root', root], { env })).stdout;
  const facts = async (type: string): Promise<Event[]> =>
    (await bus('read', '--type', type, '--json'))
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Event);
  for (const body of ['one', 'two', 'three']) await bus('write', body);
  const text = readFileSync(file, 'utf8');
  const from = text.indexOf('---\n', text.indexOf('\none\n'));
  const to = text.indexOf('---\n', text.indexOf('\ntwo\n'));
  writeFileSync(file, text.replace('\ntwo\n', '\ntwO\n'));

  const read = await tool('messagebus-tool', ['read', '--root', root, '--json'], { env });
  assert.is(read.stderr, `messagebus-tool: ${file}: bytes ${from} to ${to}: length or checksum do not fit\n`);
  assert.is(read.stdout.trim().split('\n').length, 2);
  assert.is(read.code, 0);

  const serve = () =>
    startService(['--root', 'runs', '--rules', 'rules', '--handlers', 'handlers'], { cwd: folder, env });
  const warnings = (output: string): string[] => output.match(/warning: a stretch of the bus cannot be read .*/g) ?? [];
  const service = await serve();
  await until('it is answered', async () => (await facts('HANDLER_FINISHED')).length === 1);
  assert.equal(warnings(service.output()), [
    `warning: a stretch of the bus cannot be read ${JSON.stringify({ file, segment: 1, from, to, reason: 'length or checksum do not fit' })}`,
  ]);
  const [fact] = await facts('CONDUCTOR_BUS_DAMAGED');
  assert.equal(
    [fact?.authentic, fact?.data],
    [true, { file, segment: 1, from, to, reason: 'length or checksum do not fit' }],
  );
  assert.is(fact?.body, `ERROR ${file}: bytes ${from} to ${to}: length or checksum do not fit`);

  // While it is followed, too.
  appendFileSync(file, '\0'.repeat(64));
  await bus('write', 'four');
  await until('that is said', async () => (await facts('CONDUCTOR_BUS_DAMAGED')).length === 2);
  assert.is(warnings(service.output()).length, 2);
  assert.is(await service.stop(), 0);

  for (const cache of ['kept', 'gone']) {
    if (cache === 'gone') rmSync(join(root, '.conductor', 'cache'), { recursive: true });
    const again = await serve();
    await bus('write', cache);
    await until('it is decided', async () => {
      const [last] = (await facts('INFO')).slice(-1);
      return (await facts('ROUTED')).some(({ data }) => (data['last'] as string) >= last!.msg_id);
    });
    assert.equal(warnings(again.output()), []);
    assert.is(await again.stop(), 0);
  }
  assert.is((await facts('CONDUCTOR_BUS_DAMAGED')).length, 2);
  const check = await bus('check');
  assert.is(check.split('\n').filter((line) => /: bytes \d+ to \d+: /.test(line)).length, 2);
});

test.run();
