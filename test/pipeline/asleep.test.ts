import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ConductorError } from '../../src/core/errors.js';
import type { Bus } from '../../src/core/ports.js';
import { cancelFact } from '../../src/core/activation-facts.js';
import { until } from '../support/service.js';
import { handler, openWorld, type World } from './world.js';

const waits = (world: World, activation: string, step: string): Promise<unknown> =>
  until(`${step} waits`, () => world.ledger.view.activations.get(activation)?.started.get(step));

test('lanes that wait for different things go on each when its own comes, and nothing is done twice', async () => {
  const steps = `
- { id: before, shell: 'echo before >> log' }
- id: lanes
  parallel:
    - { id: a, sequence: [{ id: w, wait: { event: A } }, { shell: 'echo a >> log' }, { id: again, wait: { event: A2 } }] }
    - { id: b, sequence: [{ id: w, wait: { event: B } }, { shell: 'echo b >> log' }] }
    - { id: t, sequence: [{ id: w, wait: 1500ms }, { shell: 'echo t >> log' }] }
- { id: after, shell: 'echo after >> log' }
`;
  const world = await openWorld({ files: { 'h.yaml': handler('h', steps) } });
  const activation = await world.begin('h');
  await waits(world, activation, 'lanes.a.w');
  await waits(world, activation, 'lanes.b.w');
  await until('the time is over', () => world.file('log') === 'before\nt\n' || undefined);
  await world.say('B');
  await until('b went on', () => world.file('log') === 'before\nt\nb\n' || undefined);
  await world.say('A');
  await waits(world, activation, 'lanes.a.again');
  await world.say('A2');
  assert.is((await world.end(activation))['status'], 'completed');
  assert.is(world.file('log'), 'before\nt\nb\na\nafter\n');
  const said = (await world.events('STEP_FINISHED')).map(({ data }) => String(data['step']));
  assert.equal([...new Set(said)].length, said.length, 'each step is said once');
  assert.is((await world.events('STEP_STARTED')).length, 4);
  await world.close();
});

test('the time limit of a group ends a wait in it', async () => {
  const steps = `- { id: group, timeout: 1500ms, sequence: [{ id: w, wait: { event: NEVER } }] }`;
  const world = await openWorld({ files: { 'h.yaml': handler('h', steps) } });
  assert.match(String((await world.go('h'))['error']), /step group: timeout: it did not end within 1\.5 s/);
  await world.close();
});

test('what waits is cancelled, and so is what was told to wait no longer', async () => {
  const world = await openWorld({ files: { 'h.yaml': handler('h', `- { id: w, wait: { event: NEVER } }`) } });
  const activation = await world.begin('h');
  await waits(world, activation, 'w');
  await world.ledger.record([cancelFact(world.ledger.view.activations.get(activation)!, 'not needed')]);
  const { status, error } = await world.end(activation);
  assert.equal([status, error], ['cancelled', 'not needed']);
  await world.close();
});

test('a bus that takes nothing for a while ends no activation, and no step is run again for it', async () => {
  let isFull = false;
  let refused = 0;
  const wrap = (bus: Bus): Bus => ({
    ...bus,
    record: async (drafts) => {
      if (isFull && drafts.some(({ type }) => type === 'STEP_FINISHED')) {
        refused++;
        throw new ConductorError('storage', 'no space left on device');
      }
      return bus.record(drafts);
    },
  });
  const steps = `
- { id: one, shell: 'echo one >> log; while [ ! -e go ]; do sleep 0.02; done' }
- { id: two, shell: 'echo two >> log' }
`;
  const world = await openWorld({ files: { 'h.yaml': handler('h', steps) }, wrap });
  const activation = await world.begin('h');
  await until('it runs', () => world.file('log') || undefined);
  isFull = true;
  writeFileSync(join(world.work, 'go'), '');
  await until('it was refused twice', () => refused >= 2 || undefined);
  assert.is(world.ledger.view.activations.get(activation)!.status, 'open');
  isFull = false;
  assert.is((await world.end(activation))['status'], 'completed');
  assert.is(world.file('log'), 'one\ntwo\n');
  assert.match(world.said.join('\n'), /is tried again until it can go on: no space left/);
  await world.close();
});

test('a cancel is heard while the conductor drains', async () => {
  const steps = `- { id: long, shell: 'echo begun >> log; sleep 600' }`;
  const world = await openWorld({ files: { 'h.yaml': handler('h', steps) } });
  const activation = await world.begin('h');
  await until('it runs', () => world.file('log') || undefined);
  const { ledger } = world;
  const restarted = world.restart();
  await ledger.record([cancelFact(ledger.view.activations.get(activation)!, 'enough')]);
  await restarted;
  assert.is((await world.end(activation))['status'], 'cancelled');
  await world.close();
});

test.run();
