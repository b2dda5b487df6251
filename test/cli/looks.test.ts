import { existsSync, mkdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { frameOf } from '../../src/cli/looks/top.js';
import { NOT_ENDED, type RunInfo } from '../../src/core/run.js';
import { cleanEnvironment, startService, temporary, tool, until } from '../support/service.js';

const world = () => {
  const cwd = realpathSync(temporary('looks'));
  const env = cleanEnvironment();
  writeFileSync(join(cwd, 'config.yaml'), 'timers: {}\n');
  return { cwd, env, conductor: (...args: string[]) => tool('conductor', args, { cwd, env }) };
};
const info = (run_id: string, rest: Partial<RunInfo>): RunInfo => ({
  version: 1,
  run_id,
  project_id: 'web',
  task_id: run_id,
  agent: 'codex',
  process_ownership: 'managed',
  pid: 7,
  pgid: 7,
  start_time: '2026-11-21T08:00:00.000Z',
  end_time: NOT_ENDED,
  exit_code: -1,
  status: 'running',
  cwd: '/',
  prompt_path: '',
  output_path: '',
  stdout_path: '',
  stderr_path: '',
  commandline: '',
  depth: 0,
  trust: 'full',
  attempt: 1,
  timeout_ms: 1,
  ...rest,
});

test('top draws children below the run that started them, with time and cost, no wider than the terminal', () => {
  const runs = [
    info('b', { parent_run_id: 'a', pid: -1 }),
    info('a', { cost_usd: 0.5 }),
    info('c', { parent_run_id: 'gone', task_id: 'x'.repeat(100) }),
  ];
  const frame = frameOf(runs, 3, Date.parse('2026-11-21T08:00:41.000Z'), 50).split('\n');
  assert.equal(frame.slice(0, 3), [
    '3 at work, 3 waiting, $0.50',
    '   41s  codex     web/a  $0.5000',
    '  queued  codex     web/b',
  ]);
  assert.is(frame[3]!.length, 50);
});

test('status says who serves the root, and what waits, also while nobody does', async () => {
  const { cwd, env, conductor } = world();
  await conductor('task', 'create', '--agent', 'shell', '--prompt', 'true');
  const before = JSON.parse((await conductor('status', '--json')).stdout);
  assert.is(before.service, null);
  assert.is(before.tasks.pending, 1);
  const service = await startService([], { cwd, env });
  try {
    const status = JSON.parse((await conductor('status', '--json')).stdout);
    assert.is(status.service.pid, service.process.pid);
    assert.is(status.service.url, service.url);
    assert.match((await conductor('status')).stdout, service.url);
  } finally {
    await service.stop();
  }
  await conductor('pause');
  assert.match((await conductor('status')).stdout, 'none: tasks wait until one is started; paused');
});

test('what a rule could not decide is a dead letter too', async () => {
  const { cwd, env, conductor } = world();
  for (const folder of ['rules', 'handlers']) mkdirSync(join(cwd, folder));
  writeFileSync(
    join(cwd, 'rules', 'r.yaml'),
    "rules: [{ id: sum, on: COUNTED, when: 'event.data.n + 1.0 > 2.0', do: go }]\n",
  );
  writeFileSync(join(cwd, 'handlers', 'go.yaml'), "name: go\nsteps: [{ shell: 'true' }]\n");
  const service = await startService([], { cwd, env });
  try {
    const headers = { authorization: `Bearer ${service.token}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ type: 'COUNTED', data: { n: 'many' } });
    const posted = await fetch(`${service.url}/api/v1/messages`, { method: 'POST', headers, body });
    const { msg_id } = (await posted.json()) as { msg_id: string };
    const [letter] = await until('it is listed', async () => {
      const answer = await fetch(`${service.url}/api/v1/dead-letters`, { headers });
      const { rule_errors } = (await answer.json()) as {
        rule_errors: { rule: string; event: string; error: string }[];
      };
      return rule_errors.length > 0 ? rule_errors : undefined;
    });
    assert.equal([letter?.rule, letter?.event], ['sum', msg_id]);
    assert.match(letter?.error ?? '', 'no such overload');
    const { dead_letters } = JSON.parse((await conductor('dlq', '--json')).stdout);
    assert.equal(
      dead_letters.map(({ rule, event }: { rule: string; event: string }) => [rule, event]),
      [['sum', msg_id]],
    );
    assert.match((await conductor('dlq')).stdout, `sum/${msg_id}`);
  } finally {
    await service.stop();
  }
});

test('a dead letter is what failed for good; retried, it goes on and is none any more', async () => {
  const { cwd, env, conductor } = world();
  const service = await startService([], { cwd, env });
  try {
    const create = (task: string, prompt: string) =>
      conductor('task', 'create', '--wait', '--agent', 'shell', '--task', task, '--prompt', prompt);
    await create('good', 'true');
    assert.is((await create('bad', 'test -f now')).code, 1);
    const { dead_letters } = JSON.parse((await conductor('dlq', '--json')).stdout);
    assert.is(dead_letters.length, 1);
    assert.is(dead_letters[0].task_id, 'bad');
    assert.is((await conductor('dlq', 'retry')).code, 2);
    assert.is((await conductor('dlq', 'retry', 'none')).code, 2);
    writeFileSync(join(cwd, 'now'), '');
    assert.is((await conductor('dlq', 'retry', dead_letters[0].activation)).code, 0);
    await until('it is done', async () =>
      (await conductor('task', 'list', '--status', 'completed')).stdout.includes('\tbad\t'),
    );
    assert.is((await conductor('dlq', 'list')).stdout, '');
  } finally {
    await service.stop();
  }
});

test('runs lists every run, newest first, by project, task and status', async () => {
  const { cwd, env, conductor } = world();
  const runs = async (...args: string[]): Promise<string[]> =>
    (await conductor('runs', ...args)).stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split('\t')[2]!);
  for (const [task, prompt] of [
    ['a', 'true'],
    ['b', 'exit 2'],
  ])
    await tool('run-agent', ['task', '--project', 'web', '--task', task!, '--agent', 'shell', '--prompt', prompt!], {
      cwd,
      env,
    });
  assert.equal(await runs(), ['b', 'a']);
  assert.equal(await runs('--limit', '1'), ['b']);
  assert.equal(await runs('--status', 'completed'), ['a']);
  assert.equal(await runs('--project', 'web', '--task', 'a'), ['a']);
  assert.equal(await runs('--project', 'none'), []);
  assert.is((await conductor('runs', '--status', 'odd')).code, 2);
});

test('a backup taken while the service works is whole, its owner’s alone, and restores into an empty root', async () => {
  const { cwd, env, conductor } = world();
  const service = await startService([], { cwd, env });
  try {
    await conductor('task', 'create', '--wait', '--agent', 'shell', '--task', 'kept', '--prompt', 'echo kept');
    assert.is((await conductor('backup', 'now.tar.gz')).stdout, `${join(cwd, 'now.tar.gz')}\n`);
    assert.is((await conductor('backup', 'create', 'now.tar.gz')).code, 2);
    assert.is((await conductor('backup', 'restore', 'now.tar.gz')).code, 3);
  } finally {
    await service.stop();
  }
  assert.is(statSync(join(cwd, 'now.tar.gz')).mode & 0o777, 0o600);
  assert.is((await conductor('backup', 'restore', 'now.tar.gz')).code, 2);
  assert.is((await conductor('backup', 'restore', 'now.tar.gz', '--root', 'again')).code, 0);
  const listed = await conductor('task', 'list', '--root', 'again', '--json');
  assert.equal(
    JSON.parse(listed.stdout).tasks.map((task: { task_id: string; status: string }) => [task.task_id, task.status]),
    [['kept', 'completed']],
  );
  assert.is((await conductor('task', 'logs', 'kept', '--root', 'again')).stdout, 'kept\n');
});

test('gc of conductor is gc of run-agent', async () => {
  const { cwd, env, conductor } = world();
  await tool('run-agent', ['task', '--task', 'old', '--agent', 'shell', '--prompt', 'true'], { cwd, env });
  mkdirSync(join(cwd, 'runs', 'default', 'other'), { recursive: true });
  assert.match((await conductor('gc', '--older-than', '0s', '--dry-run')).stdout, 'default/old');
  assert.is((await conductor('gc')).stdout, '');
  assert.is((await conductor('gc', '--older-than', '0s')).code, 0);
  assert.not(existsSync(join(cwd, 'runs', 'default', 'old')));
  assert.ok(existsSync(join(cwd, 'runs', 'default', 'other')));
  assert.ok(readFileSync(join(cwd, 'runs', 'MESSAGE-BUS.md'), 'utf8').includes('RUN_STOP'));
  assert.is((await conductor('gc', '--older-than', 'soon')).code, 2);
});

test.run();
