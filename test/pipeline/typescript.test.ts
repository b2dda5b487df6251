import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { resumeFact, resumeWith } from '../../src/core/activation-facts.js';
import { until } from '../support/service.js';
import { openWorld } from './world.js';

const source = (word: string, more = ''): string => `
import { agent, approve, branch, cel, code, emit, event, handler, map, shell, text, z } from 'conductor-loop';
import { shout } from './helpers.js';
${more}
const list = shell({ id: 'list', shell: 'echo \\'[{"n":1},{"n":3}]\\'', output: z.array(z.object({ n: z.number() })) });
const sum = code({ id: 'sum', given: { list: list.data } }, ({ list }) => ({ total: list.reduce((all, { n }) => all + n, 0) }));
const each = map(list.data, (item) => shell({ env: { N: item.n }, shell: 'echo "item $N" >> seen' }), { max_concurrent: 1 });
const ask = approve(text\`Is \${sum.data.total} right, \${event.data.name}?\`);
export default handler({
  name: 'typed',
  steps: [
    list, sum, each, ask,
    branch(
      [{ when: cel\`\${sum.data.total} == 4.0 && \${ask.data.approved}\`, steps: [emit('SUMMED', { body: text\`${word}: \${sum.data.total} \` + shout('x') })] }],
      [emit('WRONG')],
    ),
  ],
});
`;
const files = (word: string): Record<string, string> => ({
  'typed.ts': source(word),
  'scripts/none.sh': '',
  'helpers.ts': 'export const shout = (word: string): string => word.toUpperCase();\nexport default undefined;\n',
});

const open = async () => {
  const { 'helpers.ts': helpers, ...rest } = files('sum');
  // Beside the handlers, and none itself: a folder that is not read.
  const world = await openWorld({
    files: {
      ...rest,
      'scripts/helpers.ts': helpers!,
      'typed.ts': source('sum').replace('./helpers.js', './scripts/helpers.js'),
    },
  });
  world.setRules(['typed']);
  await world.restart();
  return world;
};

const asks = (world: Awaited<ReturnType<typeof open>>, activation: string) =>
  until('it asks', () =>
    [...world.ledger.view.activations.get(activation)!.started.values()].find(({ kind }) => kind === 'approval'),
  );
const approve = (world: Awaited<ReturnType<typeof open>>, activation: string, step: string) =>
  world.ledger.record([
    { type: 'APPROVAL_DECIDED', data: { approval: `${activation}/${step}`, decision: 'approve', by: 'ada' } },
  ]);

test('a handler in TypeScript is the same tree, with functions between its steps, and goes on after a restart', async () => {
  const world = await open();
  try {
    const activation = await world.begin('typed', { name: 'Ada' });
    const { question, step } = await asks(world, activation);
    assert.is(question, 'Is 4 right, Ada?');
    await world.restart();
    await approve(world, activation, step);
    assert.is((await world.end(activation))['status'], 'completed');
    assert.is((await world.events('SUMMED'))[0]!.body, 'sum: 4 X');
    assert.is(world.file('seen'), 'item 1\nitem 3\n');
  } finally {
    await world.close();
  }
});

test('an activation of a changed TypeScript handler is parked and says so, and goes on when it is as it was', async () => {
  const world = await open();
  try {
    const activation = await world.begin('typed', { name: 'Ada' });
    await asks(world, activation);
    const original = source('sum').replace('./helpers.js', './scripts/helpers.js');
    const before = world.running.handlers.find('typed')!.hash;
    world.write('typed.ts', original.replace('sum: ', 'other: '));
    await until('the new one', () => (world.running.handlers.find('typed')!.hash !== before ? true : undefined));
    await world.restart();
    const parked = await until('it is parked', async () => (await world.events('HANDLER_PARKED'))[0]);
    assert.match(parked.body, /ERROR: parked: the handler "typed" was changed .* conductor handlers resume typed-/);
    assert.is(world.ledger.view.activations.get(activation)!.status, 'open');
    world.write('typed.ts', original);
    await until('it goes on', () =>
      world.ledger.view.activations.get(activation)!.parked === undefined ? true : undefined,
    );
    const { step } = await asks(world, activation);
    await approve(world, activation, step);
    assert.is((await world.end(activation))['status'], 'completed');
    assert.is((await world.events('SUMMED'))[0]!.body, 'sum: 4 X');
  } finally {
    await world.close();
  }
});

test('a parked activation goes on with the handler as it is now, when it is told to', async () => {
  const world = await open();
  try {
    const activation = await world.begin('typed', { name: 'Ada' });
    const { step } = await asks(world, activation);
    world.write('typed.ts', source('other').replace('./helpers.js', './scripts/helpers.js'));
    await world.restart();
    await until('it is parked', async () => (await world.events('HANDLER_PARKED'))[0]);
    const now = world.running.handlers.find('typed')!.hash;
    await world.ledger.record([resumeFact(world.ledger.view.activations.get(activation)!, now, 'by hand')]);
    await approve(world, activation, step);
    assert.is((await world.end(activation))['status'], 'completed');
    assert.is((await world.events('SUMMED'))[0]!.body, 'other: 4 X');
    assert.is(world.file('seen'), 'item 1\nitem 3\n', 'finished steps did not run again');
  } finally {
    await world.close();
  }
});

test('a handler that calls a changed TypeScript handler is parked and says so, before the step and after it', async () => {
  const world = await open();
  const caller = `name: caller
steps:
  - { id: sums, call: { handler: typed } }
  - { id: ready, wait: { event: READY } }
  - { emit: { type: SAID, body: '{{ steps.sums.output }}' } }
`;
  try {
    world.write('caller.yaml', caller);
    world.setRules(['typed', 'caller']);
    await world.restart();
    const activation = await world.begin('caller', { name: 'Ada' });
    const { step } = await asks(world, activation);
    const original = source('sum').replace('./helpers.js', './scripts/helpers.js');
    const parked = async (count: number): Promise<string> =>
      until(`it is parked ${count} times`, async () => (await world.events('HANDLER_PARKED'))[count - 1]?.body);
    const isParked = (): boolean => world.ledger.view.activations.get(activation)!.parked !== undefined;

    world.write('typed.ts', original.replace('sum: ', 'second: '));
    await world.restart();
    assert.match(
      await parked(1),
      /parked: the handler "typed", which the step sums calls, was changed \(it was .*\) since it was called; .* resume caller-/,
    );
    world.write('typed.ts', original);
    await until('it goes on', () => (isParked() ? undefined : true));
    await approve(world, activation, step);
    await until('it waits', () => world.ledger.view.activations.get(activation)!.started.has('ready') || undefined);
    const said = (await world.events('SUMMED'))[0]!.msg_id;

    world.write('typed.ts', original.replace('sum: ', 'third: '));
    await world.restart();
    await parked(2);
    const { hash, calls } = resumeWith(world.ledger.view.activations.get(activation)!, world.running.handlers, false);
    await world.ledger.record([resumeFact(world.ledger.view.activations.get(activation)!, hash!, 'by hand', calls)]);
    await world.say('READY');
    assert.is((await world.end(activation))['status'], 'completed');
    assert.is((await world.events('SAID'))[0]!.body, said, 'the steps below are looked up in the new tree');
    assert.is((await world.events('SUMMED')).length, 1);
    assert.is(world.file('seen'), 'item 1\nitem 3\n', 'finished steps did not run again');
  } finally {
    await world.close();
  }
});

test('a TypeScript file that is wrong says where, and leaves the good ones in force', async () => {
  const world = await open();
  try {
    const wrong = async (text: string, expected: RegExp): Promise<void> => {
      world.write('wrong.ts', text);
      await until(String(expected), () => world.said.find((line) => expected.test(line)));
      assert.ok(world.running.handlers.find('typed'));
    };
    await wrong('export default 3;\n', /wrong\.ts:1:1: its default export is no handler/);
    await wrong('const x = ;\nexport default x;\n', /wrong\.ts:.*Unexpected token/);
    await wrong(
      "import { handler, shell } from 'conductor-loop';\n\nexport default handler({ name: 'wrong', steps: [shell({ shel: 'x' } as never)] });\n",
      /wrong\.ts:3:\d+: step step_\d+: shel: "shel" is no kind of step; did you mean "shell"/,
    );
  } finally {
    await world.close();
  }
});

test.run();
