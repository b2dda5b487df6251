import { spawn } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Bus } from '../../src/core/ports.js';
import { openFileBus } from '../../src/bus/file-bus.js';
import { clock } from '../../src/cli/system.js';
import { openRoot } from '../../src/storage/root.js';
import { openWorld, type World } from '../pipeline/world.js';
import { project, until } from '../support/service.js';

const folder = join(project, 'handlers');
const names = readdirSync(join(folder, 'examples')).map((file) => `example-${file.replace(/\.(yaml|ts)$/, '')}`);
const typeOf = (name: string): string => `GO_${name.replaceAll('-', '_').toUpperCase()}`;

/** What each example came to, by its steps; whoever is asked something answers. */
const ends = async (world: World): Promise<Record<string, unknown>> => {
  const activations = [...world.ledger.view.activations.values()];
  const of = (handler: string) => activations.find((one) => one.handler === handler)!;
  const waiting = (handler: string, step: string) =>
    until(`${handler} waits`, () => world.ledger.view.activations.get(of(handler).activation)?.started.get(step));
  await waiting('example-approve', 'ok');
  const approval = `${of('example-approve').activation}/ok`;
  await world.ledger.record([{ type: 'APPROVAL_DECIDED', data: { approval, decision: 'approve', by: 'ada' } }]);
  await waiting('example-wait', 'quote');
  await world.say('QUOTE_GIVEN', { ticket: of('example-wait').event }, '40');
  const found: Record<string, unknown> = {};
  for (const { handler, activation } of activations) {
    const { status, error } = await world.end(activation);
    const steps = Object.entries(await world.steps(activation))
      .filter(([path]) => !path.endsWith('.delay'))
      .map(([path, step]) => `${path} ${String(step['status'])} ${String(step['attempts'])}`)
      .sort();
    found[handler] = { status, error, steps };
  }
  return found;
};

/** All of them are asked for while nobody serves. */
const asked = async (): Promise<string> => {
  const world = await openWorld({ files: {}, folder });
  world.setRules(names);
  // What the example of the cache looks at.
  writeFileSync(join(world.work, 'analyzed.txt'), 'some text');
  await world.running.stop();
  const root = await openRoot(world.root);
  const bus = await openFileBus({ root: root.path, key: root.key, clock, durability: 'os' });
  await bus.append(names.map((name) => ({ type: typeOf(name) })));
  await bus.close();
  return world.folder;
};

test('every shipped example comes to the same when its conductor is killed in the midst of it and another goes on', async () => {
  let writes = 0;
  const counting = (bus: Bus): Bus => ({ ...bus, record: (drafts) => (writes++, bus.record(drafts)) });
  const open = async (at: string, wrap?: (bus: Bus) => Bus): Promise<World> => {
    const world = await openWorld({ files: {}, at, keepRules: true, ...(wrap ? { wrap } : {}) });
    await until('all were routed', () => world.ledger.view.activations.size === names.length || undefined);
    return world;
  };
  const calm = await open(await asked(), counting);
  const expected = await ends(calm).finally(() => calm.close());
  assert.equal(Object.keys(expected).sort(), [...names].sort());

  const at = await asked();
  const script = join(project, 'test', 'pipeline', 'crash-child.ts');
  const nowhere = 'http://127.0.0.1:9/';
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', script, at, nowhere, String(Math.floor(writes / 3)), 'after'],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  assert.is(await new Promise((resolve) => child.on('exit', (_code, signal) => resolve(signal))), 'SIGKILL');
  const after = await open(at);
  const begun = [...after.ledger.view.activations.values()].filter(({ hash }) => hash !== undefined);
  assert.ok(begun.length > names.length / 2, 'it was killed in the midst');
  assert.equal(await ends(after).finally(() => after.close()), expected);
});

test.run();
