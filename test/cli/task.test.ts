import { existsSync, mkdirSync, readFileSync, readdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanEnvironment, startService, temporary, tool, until } from '../support/service.js';

const world = () => {
  const cwd = realpathSync(temporary('tasks'));
  const env = cleanEnvironment();
  writeFileSync(join(cwd, 'config.yaml'), 'timers: {}\n');
  const conductor = (...args: string[]) => tool('conductor', args, { cwd, env });
  return {
    cwd,
    env,
    conductor,
    task: (...args: string[]) => conductor('task', ...args),
    statusOf: async (id: string): Promise<string | undefined> => {
      const { stdout } = await conductor('task', 'list', '--json');
      const { tasks } = JSON.parse(stdout) as { tasks: { task_id: string; status: string }[] };
      return tasks.find((one) => one.task_id === id)?.status;
    },
  };
};

test('create prints the id alone and waits on disk until a service comes; the run has the folder and prompt of the caller', async () => {
  const { cwd, env, task, statusOf } = world();
  const prompt = `pwd\nprintf '%s' '{{ event.type }} ---'`;
  const created = await task(
    'create',
    '--project-id',
    'demo',
    '--task-id',
    'hi',
    '--agent',
    'shell',
    '--prompt',
    prompt,
  );
  assert.is(created.stdout, 'hi\n', created.stderr);
  assert.is(created.code, 0);
  assert.is(readFileSync(join(cwd, 'runs', 'demo', 'hi', 'TASK.md'), 'utf8'), prompt);
  assert.is((await task('list', '--status', 'pending')).stdout.trimEnd().split('\n').length, 1);
  const service = await startService([], { cwd, env });
  try {
    await until('the task is done', async () => (await statusOf('hi')) === 'completed');
    assert.is((await task('logs', 'demo/hi')).stdout, `${cwd}\n{{ event.type }} ---`);
    assert.is((await task('list', '--status', 'pending')).stdout, '');
  } finally {
    assert.is(await service.stop(), 0);
  }
});

test('without a verb, task means create; without a prompt it does what TASK.md says', async () => {
  const { cwd, task } = world();
  const refused = await task('--project', 'test', '--task', 'demo');
  assert.is(refused.code, 2);
  assert.match(refused.stderr, 'TASK.md');
  mkdirSync(join(cwd, 'runs', 'test', 'demo'), { recursive: true });
  writeFileSync(join(cwd, 'runs', 'test', 'demo', 'TASK.md'), 'echo demo');
  const created = await task('--project', 'test', '--task', 'demo', '--agent', 'shell');
  assert.is(created.stdout, 'demo\n', created.stderr);
});

test('a wrong request is refused with its meaning and leaves nothing', async () => {
  const { cwd, task } = world();
  const cases: [string[], number, string | RegExp][] = [
    [['--agent', 'nobody', '--prompt', 'x'], 3, /no agent "nobody"; known are .*claude, codex, gemini, .*shell/],
    [['--agent', 'shell', '--prompt-file', 'gone.md'], 2, 'gone.md'],
    [['--agent', 'shell', '--prompt', ' '], 2, 'empty'],
    [['--agent', 'shell', '--prompt', 'x', '--task-id', '../x'], 2, '--task'],
    [['--agent', 'shell', '--prompt', 'x', '--timeout', 'soon'], 2, 'soon'],
    [['--agent', 'shell', '--prompt', 'x', '--colour'], 2, '--colour'],
  ];
  for (const [args, code, message] of cases) {
    const done = await task('create', ...args);
    assert.is(done.code, code, `${args.join(' ')}: ${done.stderr}`);
    assert.match(done.stderr, message);
    assert.is(done.stdout, '');
  }
  assert.is((await task('list')).stdout, '');
  assert.equal(existsSync(join(cwd, 'runs', 'default')), false);
});

test('an agent whose program is away is accepted with a warning, and fails as a configuration error', async () => {
  const { cwd, env, task } = world();
  const created = await task('create', '--agent', 'gemini', '--prompt', 'touch executed');
  assert.is(created.code, 0);
  assert.match(created.stderr, 'gemini');
  const service = await startService([], { cwd, env });
  try {
    const id = created.stdout.trim();
    const shown = await until('it failed', async () => {
      const one = JSON.parse((await task('show', id, '--json')).stdout) as {
        status: string;
        exit: number;
        error: string;
      };
      return one.status === 'failed' ? one : undefined;
    });
    assert.is(shown.exit, 3);
    assert.match(shown.error, 'not found on PATH');
    // No other agent, and no shell, took its place.
    assert.not(existsSync(join(cwd, 'executed')));
  } finally {
    await service.stop();
  }
});

test('stop ends the run and what it started, resume asks again, --wait ends with the meaning, delete leaves nothing', async () => {
  const { cwd, env, task, statusOf } = world();
  const service = await startService([], { cwd, env });
  try {
    await task('create', '--task', 'slow', '--agent', 'shell', '--prompt', 'test -f now && exit 0\nsleep 600');
    await until('it runs', async () => (await statusOf('slow')) === 'running');
    assert.is((await task('delete', 'slow')).code, 2);
    assert.is((await task('stop', 'slow')).code, 0);
    assert.is(await statusOf('slow'), 'stopped');
    writeFileSync(join(cwd, 'now'), '');
    assert.is((await task('resume', 'slow')).stdout, 'slow\n');
    await until('it is done', async () => (await statusOf('slow')) === 'completed');
    assert.is(readdirSync(join(cwd, 'runs', 'default', 'slow')).filter((name) => /^\d/.test(name)).length, 2);
    const waited = await task('create', '--task', 'no', '--agent', 'shell', '--prompt', 'exit 2', '--wait');
    assert.is(waited.code, 2);
    assert.is((await task('delete', 'slow')).code, 0);
    assert.not(existsSync(join(cwd, 'runs', 'default', 'slow')));
    assert.is(await statusOf('slow'), undefined);
    const unknown = await task('show', 'slow');
    assert.is(unknown.code, 2);
    assert.match(unknown.stderr, 'default/slow');
  } finally {
    assert.is(await service.stop(), 0);
  }
});

test('a task that was stopped before it began never begins', async () => {
  const { cwd, env, task, statusOf } = world();
  await task('create', '--task', 'never', '--agent', 'shell', '--prompt', 'touch begun');
  await task('create', '--task', 'later', '--agent', 'shell', '--prompt', 'touch later');
  assert.is((await task('stop', 'never')).code, 0);
  const service = await startService([], { cwd, env });
  try {
    await until('the other is done', async () => (await statusOf('later')) === 'completed');
    assert.is(await statusOf('never'), 'stopped');
    assert.not(existsSync(join(cwd, 'begun')));
  } finally {
    await service.stop();
  }
});

test('a task starts when those it depends on have completed, fails when one failed, and a circle is no wait for ever', async () => {
  const { cwd, env, task, statusOf } = world();
  const create = (id: string, prompt: string, ...more: string[]) =>
    task('create', '--task', id, '--agent', 'shell', '--prompt', prompt, ...more);
  await create('third', 'cat second > third', '--depends-on', 'second');
  await create('second', 'cat first > second', '--depends-on', 'default/first,other', '--depends-on', 'first');
  await create('never', 'touch never', '--depends-on', 'broken');
  await create('left', 'touch left', '--depends-on', 'right');
  await create('right', 'touch right', '--depends-on', 'left');
  assert.is(await statusOf('third'), 'pending');
  await create('other', 'true');
  await create('first', 'sleep 0.3; echo 1 > first');
  await create('broken', 'exit 1');
  const service = await startService([], { cwd, env });
  try {
    await until('the chain is done', async () => (await statusOf('third')) === 'completed');
    assert.is(readFileSync(join(cwd, 'third'), 'utf8'), '1\n');
    for (const id of ['never', 'left', 'right']) {
      await until(`${id} has failed`, async () => (await statusOf(id)) === 'failed');
      assert.not(existsSync(join(cwd, id)), id);
    }
    assert.match((await task('show', 'left')).stdout, /wait for each other/);
    assert.is((await create('wrong', 'true', '--depends-on', '../x')).code, 2);
  } finally {
    await service.stop();
  }
});

test.run();
