import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openFileBus } from '../../src/bus/file-bus.js';
import { knownTypes } from '../../src/cli/events/types.js';
import { clock } from '../../src/cli/system.js';
import { cleanEnvironment, project, temporary, tool } from '../support/service.js';

const types = knownTypes();
const rowOf = (type: string) => types.find((row) => row.type === type);

test('types are listed with who tells them and what their data may hold', async () => {
  const listed = await tool('conductor', ['events', 'types', '--json'], {
    cwd: temporary('types'),
    env: cleanEnvironment(),
  });
  assert.is(listed.code, 0, listed.stderr);
  assert.equal(JSON.parse(listed.stdout), { types });
  assert.equal(rowOf('CODE_PUSHED')?.from, ['bitbucket', 'gitea', 'github', 'gitlab']);
  for (const field of ['repository', 'branch', 'sha', 'commits']) assert.ok(rowOf('CODE_PUSHED')?.data.includes(field));
  assert.equal(rowOf('STRIPE_*')?.from, ['stripe']);
  const plain = await tool('conductor', ['events', 'types'], { cwd: temporary('types'), env: cleanEnvironment() });
  assert.match(plain.stdout, '\nTIMER_FIRED  timers\n  name slot missed\n');
});

test('what the conductor says of itself has the fields that are listed', async () => {
  const root = temporary('types');
  cpSync(join(project, 'test', 'golden', 'root-1'), root, { recursive: true });
  const key = readFileSync(join(root, '.conductor', 'key'));
  const bus = await openFileBus({ root, key, clock, durability: 'os' });
  let looked = 0;
  for await (const { type, data } of bus.read()) {
    const row = rowOf(type);
    if (!row?.from.includes('conductor')) continue;
    looked += 1;
    for (const field of Object.keys(data)) assert.ok(row.data.includes(field), `${type} has ${field}`);
  }
  assert.ok(looked > 5, `${looked}`);
  await bus.close();
});

test.run();
