import { existsSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openFileBus } from '../../src/bus/file-bus.js';
import { clock } from '../../src/cli/system.js';
import { CHAIN_BUDGET } from '../../src/core/depth.js';
import { openRoot } from '../../src/storage/root.js';
import { cleanEnvironment, isGone, temporary, tool, until } from '../support/service.js';

const world = () => {
  const cwd = realpathSync(temporary('runs'));
  const env = cleanEnvironment();
  return { cwd, env, agent: (...args: string[]) => tool('run-agent', args, { cwd, env }) };
};
const shell = (prompt: string, task?: string): string[] => [
  'task',
  '--agent',
  'shell',
  '--prompt',
  prompt,
  ...(task === undefined ? [] : ['--task-id', task]),
];

test('a task that depends on another starts when that has completed', async () => {
  const { cwd, agent } = world();
  const second = agent(...shell('cat made', 'second'), '--depends-on', 'first');
  await until('the second waits', () => existsSync(join(cwd, 'runs', 'MESSAGE-BUS.md')));
  assert.is((await agent(...shell('echo by-the-first > made', 'first'))).code, 0);
  const done = await second;
  assert.is(done.stdout, 'by-the-first\n', done.stderr);
  assert.is(done.code, 0);
});

test('a failed dependency is passed on along the chain, and nothing of it starts', async () => {
  const { cwd, agent } = world();
  const third = agent(...shell('touch third', 'third'), '--depends-on', 'second');
  const second = agent(...shell('touch second', 'second'), '--depends-on', 'first');
  assert.is((await agent(...shell('exit 3', 'first'))).code, 3);
  for (const [name, done] of [
    ['second', await second],
    ['third', await third],
  ] as const) {
    assert.is(done.code, 2, done.stderr);
    assert.match(done.stderr, 'which failed');
    assert.not(existsSync(join(cwd, name)));
  }
});

test('what a run starts belongs to its chain, and is refused when the chain has used its budget', async () => {
  const { cwd, env } = world();
  const root = await openRoot(join(cwd, 'runs'));
  const bus = await openFileBus({ root: root.path, key: root.key, clock, durability: 'os' });
  const [first] = await bus.append([{ type: 'NOTED' }]);
  const chain = first!.msg_id;
  const scope = { project_id: 'p', task_id: 't' };
  const facts = (run_id: string) => [
    { ...scope, type: 'RUN_START', run_id, data: { ...scope, run_id, agent: 'shell', depth: 1, root: chain } },
    { ...scope, type: 'RUN_STOP', run_id, data: { run_id } },
  ];
  await bus.record(Array.from({ length: CHAIN_BUDGET - 1 }, (_, n) => facts(`r${n}`)).flat());
  const inside = { ...env, RUN_ID: 'r0', PROJECT_ID: 'p', TASK_ID: 't' };
  const agent = () => tool('run-agent', shell('echo 1 >> ran'), { cwd, env: inside });
  assert.is((await agent()).code, 0);
  for (let n = 0; n < 2; n++) {
    const refused = await agent();
    assert.is(refused.code, 2);
    assert.match(refused.stderr, `the chain of ${chain} has used its budget of 200 runs`);
  }
  assert.is(readFileSync(join(cwd, 'ran'), 'utf8'), '1\n');
  const said: unknown[] = [];
  for await (const { data } of bus.read({ types: ['CHAIN_LIMIT'] })) said.push(data['root']);
  assert.equal(said, [chain]);
  await bus.close();
});

test('--isolate works in a worktree, which is kept and named when it holds work, and else is gone', async () => {
  const { cwd, agent } = world();
  const git = 'git init -q . && git -c user.name=A -c user.email=a@b.c commit -q --allow-empty -m One';
  assert.is((await agent(...shell(git, 'make'))).code, 0);
  const clean = await agent(...shell('pwd', 'clean'), '--isolate', 'worktree');
  assert.match(clean.stdout, `${cwd}/runs/.conductor/worktrees/`);
  assert.not(existsSync(clean.stdout.trim()));
  const kept = await agent(...shell('echo mine > file; pwd', 'kept'), '--isolate', 'worktree');
  assert.is(readFileSync(join(kept.stdout.trim(), 'file'), 'utf8'), 'mine\n');
  assert.match(kept.stderr, `its work is in ${kept.stdout.trim()} (it holds uncommitted work)`);
  assert.not(existsSync(join(cwd, 'file')));
  assert.is((await agent(...shell('true'), '--isolate', 'vm')).code, 2);
});

test('tasks that wait for each other are refused with the way of the circle', async () => {
  const { agent } = world();
  const [a, b] = await Promise.all([
    agent(...shell('true', 'a'), '--depends-on', 'b'),
    agent(...shell('true', 'b'), '--depends-on', 'a'),
  ]);
  assert.equal([a.code, b.code], [2, 2]);
  assert.match(a.stderr + b.stderr, 'default/a → default/b → default/a');
});

test('batch runs its prompts in order, stops at the first failure, and ends with the worst meaning', async () => {
  const { cwd, agent } = world();
  const prompts = ['touch one', 'exit 2', 'touch three'].flatMap((prompt) => ['--prompt', prompt]);
  const stopped = await agent(
    'job',
    'batch',
    '--agent',
    'shell',
    ...prompts,
    '--task',
    'a',
    '--task',
    'b',
    '--task',
    'c',
  );
  assert.is(stopped.code, 2);
  assert.equal(
    stopped.stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t').filter((_, index) => index !== 1)),
    [
      ['a', 'completed', '0'],
      ['b', 'failed', '2'],
    ],
  );
  assert.ok(existsSync(join(cwd, 'one')));
  assert.not(existsSync(join(cwd, 'three')));
  assert.is((await agent('batch', '--agent', 'shell', ...prompts, '--continue-on-fail')).code, 2);
  assert.ok(existsSync(join(cwd, 'three')));
  const wrong = await agent('batch', '--agent', 'shell', ...prompts, '--task', 'a');
  assert.is(wrong.code, 2);
  assert.match(wrong.stderr, '3 prompts and 1 tasks');
});

test('resume runs the newest prompt once more, with its agent and in its folder, and removes DONE', async () => {
  const { cwd, env, agent } = world();
  assert.is((await agent(...shell('pwd; test -f fixed', 'flaky'))).code, 1);
  writeFileSync(join(cwd, 'fixed'), '');
  writeFileSync(join(cwd, 'runs', 'default', 'flaky', 'DONE'), '');
  const resumed = await tool('run-agent', ['resume', 'flaky', '--root', join(cwd, 'runs')], {
    cwd: temporary('x'),
    env,
  });
  assert.is(resumed.stdout, `${cwd}\n`, resumed.stderr);
  assert.not(existsSync(join(cwd, 'runs', 'default', 'flaky', 'DONE')));
  assert.is((await agent('resume', 'nothing')).code, 2);
});

test('output writes any file of a run, its last lines, and follows a living one to its end', async () => {
  const { cwd, agent } = world();
  await agent(...shell('seq 5; echo wrong >&2', 'count'));
  assert.is((await agent('output', 'count')).stdout, '1\n2\n3\n4\n5\n');
  assert.is((await agent('output', '--task', 'count', '--file', 'stderr')).stdout, 'wrong\n');
  assert.is((await agent('output', 'count', '--tail', '2')).stdout, '4\n5\n');
  assert.match((await agent('output', 'count', '--file', 'prompt')).stdout, 'seq 5');
  const [run] = readdirSync(join(cwd, 'runs', 'default', 'count'));
  assert.is(
    (await agent('output', '--run-dir', join(cwd, 'runs', 'default', 'count', run!), '--tail', '1')).stdout,
    '5\n',
  );
  assert.is((await agent('output', 'count', '--run', 'none')).code, 2);

  const living = agent(...shell('echo begun; while ! test -f go; do sleep 0.1; done; echo ended', 'slow'));
  const followed = agent('output', 'slow', '--follow');
  await until('it begun', () => {
    const folder = join(cwd, 'runs', 'default', 'slow');
    const [name] = existsSync(folder) ? readdirSync(folder) : [];
    const file = join(folder, name ?? '', 'agent-stdout.txt');
    return existsSync(file) && readFileSync(file, 'utf8') === 'begun\n';
  });
  writeFileSync(join(cwd, 'go'), '');
  assert.is((await followed).stdout, 'begun\nended\n');
  assert.is((await living).code, 0);
});

test('stop ends a run of another process with what it started; its task ends as retriable', async () => {
  const { cwd, agent } = world();
  const living = agent(...shell('echo $$ > pid; sleep 600', 'long'));
  await until('it runs', () => existsSync(join(cwd, 'pid')) && readFileSync(join(cwd, 'pid'), 'utf8').endsWith('\n'));
  assert.is((await agent('stop', '--task', 'long')).code, 0);
  const done = await living;
  assert.is(done.code, 1);
  assert.match(done.stderr, 'stopped');
  assert.ok(isGone(readFileSync(join(cwd, 'pid'), 'utf8')));
});

test('a wrong command or option says what is wrong, with 2', async () => {
  const { agent } = world();
  for (const [args, message] of [
    [['fly'], 'there is no command "fly"'],
    [['task', '--agent', 'shell'], '--prompt'],
    [['task', '--agent', 'shell', '--prompt', 'x', 'y'], '"y"'],
    [['task', '--agent', 'shell', '--prompt', 'x', '--timeout', 'soon'], 'soon'],
    [['output'], '--task'],
    [['output', 'x', '--file', 'y'], 'stdout'],
    [['job', '--wrong'], '--wrong'],
  ] as [string[], string][]) {
    const done = await agent(...args);
    assert.is(done.code, 2, args.join(' '));
    assert.match(done.stderr, message);
  }
  assert.match((await agent('--version')).stdout, /^\d+\.\d+\.\d+\n$/);
  assert.match((await agent('--help')).stdout, 'run-agent COMMAND --help');
  assert.match((await agent('resume', '--help')).stdout, 'run-agent resume');
});

test.run();
