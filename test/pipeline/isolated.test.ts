import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cancelFact } from '../../src/core/activation-facts.js';
import { until } from '../support/service.js';
import { handler, openWorld, type World } from './world.js';

const REPOSITORY = `- shell: |
    git init -q -b main . && echo one > file && git add file
    git -c user.name=Ada -c user.email=ada@example.org commit -qm One
`;

const withHandlers = async (files: Record<string, string>, work: (world: World) => Promise<void>): Promise<void> => {
  const world = await openWorld({ files: { 'make.yaml': handler('make', REPOSITORY), ...files } });
  try {
    assert.is((await world.go('make'))['status'], 'completed');
    await work(world);
  } finally {
    await world.close();
  }
};

const worktreesOf = (world: World): string[] => {
  const folder = join(world.root, '.conductor', 'worktrees');
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
};

test('the steps of an isolated handler share a worktree, which is taken away when nothing of it would be lost', () =>
  withHandlers(
    {
      'h.yaml': `name: h\nisolate: worktree\nsteps:
  - { id: write, shell: 'echo two > file; echo x > made; pwd' }
  - { id: read, shell: 'cat file made; git checkout -q file; rm made' }
`,
    },
    async (world) => {
      assert.is((await world.go('h'))['status'], 'completed');
      const steps = await world.steps();
      assert.match(String(steps['0.write']?.['output']), '.conductor/worktrees/');
      assert.is(steps['0.read']?.['output'], 'two\nx\n');
      assert.is(world.file('file'), 'one\n', 'the folder itself is as it was');
      assert.equal(worktreesOf(world), []);
    },
  ));

test('each lane and each item has its own; one that holds work is kept and named', () =>
  withHandlers(
    {
      'h.yaml': handler(
        'h',
        `
- id: fan
  isolate: worktree
  parallel:
    - { id: a, shell: 'echo a > file; ls; until [ -e "$WORK/b" ]; do sleep 0.02; done; cat file' }
    - { id: b, shell: 'touch "$WORK/b"; cat file' }
- id: each
  isolate: worktree
  map:
    items: [x, y]
    steps:
      - { shell: 'test ! -e new && echo "$ITEM" > new && git add new && git -c user.name=A -c user.email=a@b.c commit -qm "$ITEM"' }
      - { shell: 'cat new' }
- { id: where, shell: 'echo {{ steps.a.worktree }}' }
`,
      ),
    },
    async (world) => {
      const end = await world.go('h');
      assert.is(end['status'], 'completed', String(end['error']));
      const steps = await world.steps();
      assert.is(steps['fan.a']?.['output'], 'file\na\n');
      assert.is(steps['fan.b']?.['output'], 'one\n');
      assert.is(steps['each[0].1']?.['output'], 'x\n');
      const kept = worktreesOf(world);
      assert.is(kept.length, 3, 'that of an edit and those of two commits');
      assert.equal(kept.map((folder) => existsSync(join(folder, 'new'))).sort(), [false, true, true]);
      const edited = kept.find((folder) => !existsSync(join(folder, 'new')));
      assert.is(readFileSync(join(edited!, 'file'), 'utf8'), 'a\n');
    },
  ));

test('after a restart the step goes on in the worktree that it had', () =>
  withHandlers(
    {
      'h.yaml': handler(
        'h',
        `
- id: group
  isolate: worktree
  sequence:
    - { id: one, shell: 'echo mine > made' }
    - { id: pause, wait: { event: GO } }
    - { id: two, shell: 'cat made; rm made' }
`,
      ),
    },
    async (world) => {
      const activation = await world.begin('h');
      await until('it waits', async () => (await world.steps(activation))['group.one']);
      await world.restart();
      assert.is(worktreesOf(world).length, 1);
      await world.say('GO');
      const end = await world.end(activation);
      const steps = await world.steps();
      assert.is(end['status'], 'completed', String(end['error']));
      assert.is(steps['group.two']?.['output'], 'mine\n');
      assert.equal(worktreesOf(world), []);
    },
  ));

const cancel = async (world: World, activation: string): Promise<void> => {
  await world.ledger.record([cancelFact(world.ledger.view.activations.get(activation)!, 'not needed')]);
  assert.is((await world.end(activation))['status'], 'cancelled');
};

const TWO = (then: string): string =>
  handler(
    'h',
    `
- isolate: worktree
  sequence:
    - { id: one, shell: 'true' }
    - ${then}
`,
  );

test('one whose activation is cancelled is taken away, at work or asleep; with work in it, it is kept', async () => {
  for (const then of ['{ shell: \'touch "$WORK/here"; sleep 100\' }', '{ wait: { event: GO } }'])
    await withHandlers({ 'h.yaml': TWO(then) }, async (world) => {
      const activation = await world.begin('h');
      await until('it has a worktree', async () => (await world.steps(activation))['0.one']);
      if (then.includes('shell')) await until('it is at work', () => existsSync(join(world.work, 'here')) || undefined);
      await cancel(world, activation);
      assert.equal(worktreesOf(world), []);
    });
  await withHandlers(
    { 'h.yaml': TWO('{ shell: \'echo two > file; touch "$WORK/here"; sleep 100\' }') },
    async (world) => {
      const activation = await world.begin('h');
      await until('it is at work', () => existsSync(join(world.work, 'here')) || undefined);
      await cancel(world, activation);
      const [kept] = worktreesOf(world);
      assert.is(readFileSync(join(kept!, 'file'), 'utf8'), 'two\n');
      assert.ok(world.said.includes(`the worktree ${kept} is kept: it holds uncommitted work`));
    },
  );
});

test('a folder that is no repository fails the step, and says so', async () => {
  const world = await openWorld({
    files: { 'h.yaml': handler('h', `- { id: one, isolate: worktree, shell: 'true' }`) },
  });
  try {
    const end = await world.go('h');
    assert.equal([end['status'], end['exit']], ['failed', 3]);
    assert.match(String(end['error']), 'git could not make a worktree');
  } finally {
    await world.close();
  }
});

test.run();
