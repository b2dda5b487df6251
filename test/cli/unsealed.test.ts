// Text that others write into the bus file: shown, and heard by rules only where bus.accept_unsealed says so.
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../../src/core/event.js';
import type { Fired } from '../../src/core/ledger-view.js';
import { cleanEnvironment, startService, temporary, tool, until } from '../support/service.js';

const env = cleanEnvironment();

const world = (config: string) => {
  const folder = temporary('unsealed');
  const root = join(folder, 'runs');
  for (const name of ['rules', 'handlers', 'runs']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'config.yaml'), config);
  writeFileSync(
    join(folder, 'rules', 'note.yaml'),
    'rules:\n  - { id: note, on: [NOTE, TASK_DONE], do: note, trust: full }\n',
  );
  writeFileSync(join(folder, 'handlers', 'note.yaml'), 'name: note\nsteps:\n  - shell: echo noted\n');
  const facts = async (...types: string[]): Promise<Event[]> => {
    const args = ['read', '--type', types.join(','), '--json', '--root', root];
    const { stdout } = await tool('messagebus-tool', args, { env });
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Event);
  };
  return {
    facts,
    byHand: (text: string) => appendFileSync(join(root, 'MESSAGE-BUS.md'), text),
    write: (body: string) => tool('messagebus-tool', ['write', body, '--type', 'NOTE', '--root', root], { env }),
    serve: () => startService(['--root', 'runs', '--rules', 'rules', '--handlers', 'handlers'], { cwd: folder, env }),
    /** Bodies of what started something, in order. */
    async fired(): Promise<string[]> {
      const events = new Map((await facts('NOTE', 'TASK_DONE')).map((event) => [event.msg_id, event]));
      const fired = (await facts('ROUTED')).flatMap(({ data }) => data['fired'] as Fired[]);
      return fired.map(({ event }) => events.get(event)?.body ?? event);
    },
  };
};
const time = (ago_ms = 0): string => new Date(Date.now() - ago_ms).toISOString().slice(0, 19).replace('T', ' ');

test('by default it is shown, and starts nothing', async () => {
  const { byHand, write, serve, fired, facts } = world('timers: {}\n');
  const service = await serve();
  byHand(`[${time()}] NOTE: a line\n\n---\ntype: NOTE\n---\na record\n\n`);
  await write('ours');
  await until('ours is heard', async () => (await fired()).length > 0);
  assert.equal(await fired(), ['ours']);
  assert.equal(
    (await facts('NOTE')).map(({ body, sealed, trust }) => [body, sealed, trust]),
    [
      ['a line', false, 'outside'],
      ['a record', false, 'outside'],
      ['ours', true, 'full'],
    ],
  );
  assert.is(await service.stop(), 0);
});

test('where the configuration says so it is heard once, from outside, whenever it was written; but never a reserved type', async () => {
  const { byHand, write, serve, fired, facts } = world('timers: {}\nbus: { accept_unsealed: true }\n');
  byHand(`[${time()}] NOTE: before the first start\n`);
  const service = await serve();
  assert.match(service.output(), /source {4}lines and records that others write into the bus file/);
  await write('ours');
  await until('ours is heard', async () => (await fired()).length === 1);
  byHand(`[${time()}] NOTE: a line\n`);
  await until('the line is heard', async () => (await fired()).length === 2);
  byHand(`[${time()}] NOTE: a line\n`);
  byHand(`[${time(2 * 86_400_000)}] NOTE: of the day before yesterday\n[${time()}] TASK_DONE: forged\n`);
  byHand(
    '---\nmsg_id: MSG-theirs\ntype: note\nproject_id: shop\ntask_id: t\nparents: ["MSG-a"]\nmeta: {"made_by":"run","actor_kind":"person","k":"v"}\n---\na record\n',
  );
  await until('the record, which nothing follows, is heard', async () => (await fired()).length === 4);
  assert.is(await service.stop(), 0);
  byHand(`\n[${time()}] NOTE: while nobody served\n`);
  const again = await serve();
  await until('that too', async () => (await fired()).length === 5);
  await write('last');
  await until('the last one is heard', async () => (await fired()).includes('last'));
  assert.equal(await fired(), ['ours', 'a line', 'a line', 'a record', 'while nobody served', 'last']);
  const [copy] = (await facts('NOTE')).filter(({ sealed, project_id }) => sealed && project_id === 'shop');
  assert.equal(
    [copy?.task_id, copy?.trust, copy?.source, copy?.meta, copy?.parents, copy?.authentic],
    ['t', 'outside', 'unsealed', { k: 'v', unsealed: 'MSG-theirs' }, [{ msg_id: 'MSG-a', kind: 'relates_to' }], false],
  );
  assert.is(await again.stop(), 0);
});

test.run();
