import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanEnvironment, temporary, tool, until } from '../support/service.js';

const world = () => {
  const cwd = realpathSync(temporary('looks'));
  const env = cleanEnvironment();
  const agent = (...args: string[]) => tool('run-agent', args, { cwd, env });
  const shell = (project: string, task: string, prompt: string) =>
    agent('task', '--project', project, '--task', task, '--agent', 'shell', '--prompt', prompt);
  return { cwd, env, agent, shell };
};
const rows = (text: string): string[][] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split('\t'));

test('list shows projects, then tasks, then runs, each also as JSON; nothing is no failure', async () => {
  const { cwd, agent, shell } = world();
  assert.equal(await agent('list'), { code: 0, stdout: '', stderr: '' });
  await shell('web', 'good', 'true');
  await shell('web', 'bad', 'exit 2');
  await shell('api', 'good', 'true');
  writeFileSync(join(cwd, 'runs', 'web', 'good', 'DONE'), '');
  assert.equal(
    rows((await agent('list')).stdout).map((row) => row.slice(0, 3)),
    [
      ['api', '1', '0'],
      ['web', '2', '0'],
    ],
  );
  const tasks = rows((await agent('list', '--project', 'web')).stdout).map((row) => row.slice(0, 3));
  assert.equal(tasks.sort(), [
    ['bad', 'failed', ''],
    ['good', 'completed', 'DONE'],
  ]);
  assert.is(rows((await agent('list', '--project', 'web', '--status', 'failed')).stdout).length, 1);
  const { runs } = JSON.parse((await agent('list', '--project', 'web', '--task', 'bad', '--json')).stdout);
  assert.equal(
    runs.map((run: { exit_code: number; status: string }) => [run.exit_code, run.status]),
    [[2, 'failed']],
  );
  assert.is((await agent('list', '--status', 'odd')).code, 2);
});

test('status tells the newest run of each task, and whether its process lives', async () => {
  const { cwd, agent, shell } = world();
  await shell('web', 'bad', 'exit 3');
  const living = shell('web', 'slow', 'touch begun; while ! test -f go; do sleep 0.1; done');
  await until('it runs', () => existsSync(join(cwd, 'begun')));
  const states = rows((await agent('status', '--project', 'web', '--concise')).stdout).sort();
  assert.equal(
    states.map(([task, status, exit, , done, alive]) => [task, status, exit, done, alive]),
    [
      ['bad', 'failed', '3', 'false', 'false'],
      ['slow', 'running', '-', 'false', 'true'],
    ],
  );
  const { tasks } = JSON.parse((await agent('status', '--project', 'web', '--task', 'bad', '--json')).stdout);
  assert.is(tasks[0].exit_code, 3);
  writeFileSync(join(cwd, 'go'), '');
  assert.is((await living).code, 0);
});

test('watch ends with the worst meaning of its tasks, and with 1 at its time limit', async () => {
  const { cwd, agent, shell } = world();
  const good = shell('web', 'good', 'while ! test -f go; do sleep 0.1; done');
  const bad = shell('web', 'bad', 'while ! test -f go; do sleep 0.1; done; exit 3');
  await until('both run', async () => rows((await agent('list', '--project', 'web')).stdout).length === 2);
  const late = await agent('watch', '--project', 'web', '--timeout', '1s');
  assert.is(late.code, 1);
  assert.match(late.stderr, 'timeout');
  const watching = agent('watch', '--project', 'web', '--json');
  const watchingGood = agent('watch', 'web/good');
  writeFileSync(join(cwd, 'go'), '');
  const all = await watching;
  assert.is(all.code, 3, all.stderr);
  assert.is(JSON.parse(all.stdout.trimEnd().split('\n').at(-1)!).all_done, true);
  assert.is((await watchingGood).code, 0);
  assert.equal([(await good).code, (await bad).code], [0, 3]);
  assert.is((await agent('watch', 'web/none')).code, 2);
});

test('gc removes what ended long ago, and keeps what it is told to and what lives', async () => {
  const { cwd, agent, shell } = world();
  await shell('web', 'old', 'true');
  await shell('web', 'failed', 'exit 2');
  await shell('web', 'done', 'true');
  writeFileSync(join(cwd, 'runs', 'web', 'done', 'DONE'), '');
  const living = shell('web', 'slow', 'touch begun; while ! test -f go; do sleep 0.1; done');
  await until('it runs', () => existsSync(join(cwd, 'begun')));
  assert.is((await agent('gc')).stdout, '');
  const would = await agent('gc', '--older-than', '0s', '--keep-failed', '--dry-run', '--json');
  assert.is(JSON.parse(would.stdout).removed.length, 2, would.stderr);
  assert.ok(existsSync(join(cwd, 'runs', 'web', 'old')));
  assert.is((await agent('gc', '--older-than', '0s', '--keep-failed', '--delete-done-tasks')).code, 0);
  assert.equal(readdirSync(join(cwd, 'runs', 'web')).sort(), ['failed', 'slow']);
  writeFileSync(join(cwd, 'go'), '');
  assert.is((await living).code, 0);
});

test('validate names the agents that can run here, and what is wrong with the configuration', async () => {
  const { cwd, agent } = world();
  const { stdout } = await agent('validate');
  assert.match(stdout, 'shell\tshell\t/bin/sh');
  assert.match(stdout, 'perplexity\tperplexity\tover HTTP');
  assert.is((await agent('validate', '--agent', 'codex')).code, 3);
  writeFileSync(join(cwd, 'config.yaml'), 'agents: { a: { command: [gone-program] }, b: { token_file: gone } }');
  const wrong = await agent('validate', '--json');
  assert.is(wrong.code, 3);
  assert.match(wrong.stderr, 'agents.b.token_file');
});

test('wrap runs the program of an agent on our own streams, tracks it, and ends with its code', async () => {
  const { cwd, env, agent } = world();
  const bin = temporary('bin');
  writeFileSync(join(bin, 'claude'), '#!/bin/sh\nread line\necho "$1 $line $TASK_ID"\nexit 7\n');
  chmodSync(join(bin, 'claude'), 0o755);
  const done = await tool('run-agent', ['wrap', '--agent', 'claude', '--task', 'chat', '--', '--resume'], {
    cwd,
    env: { ...env, PATH: `${bin}:${env['PATH']}` },
    stdin: 'hello\n',
  });
  assert.is(done.stdout, '--resume hello chat\n', done.stderr);
  assert.is(done.code, 7);
  const [run] = readdirSync(join(cwd, 'runs', 'default', 'chat'));
  const info = readFileSync(join(cwd, 'runs', 'default', 'chat', run!, 'run-info.yaml'), 'utf8');
  assert.match(info, 'status: failed');
  assert.match(info, 'commandline: ');
  const said = await tool('messagebus-tool', ['read', '--json', '--task', 'chat'], { cwd, env });
  assert.equal(
    said.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).type),
    ['RUN_START', 'RUN_STOP'],
  );
  assert.is((await agent('wrap', '--agent', 'shell')).code, 2);
  assert.is((await agent('wrap', '--agent', 'codex')).code, 3);
});

test('the oldest form leaves its folder, its process while it runs, and the meaning as the last line', async () => {
  const { cwd, env, agent } = world();
  mkdirSync(join(cwd, 'work'));
  writeFileSync(join(cwd, 'prompt.md'), 'pwd; echo wrong >&2; while ! test -f go; do sleep 0.1; done; exit 2\n');
  const running = agent('sh', 'shell', 'work', 'prompt.md');
  const runs = join(cwd, 'runs');
  const pidFile = await until('it runs', () =>
    existsSync(runs) ? readdirSync(runs).find((name) => /^run_\d{8}-\d{6}-\d+\.pid$/.test(name)) : undefined,
  );
  const folder = join(runs, pidFile.slice(0, -4));
  await until('its output is there', () => {
    const file = join(folder, 'agent-stdout.txt');
    return existsSync(file) && readFileSync(file, 'utf8') === `${join(cwd, 'work')}\n`;
  });
  writeFileSync(join(cwd, 'work', 'go'), '');
  const done = await running;
  assert.is(done.code, 2);
  assert.is(join(cwd, done.stdout.trim()), folder);
  assert.not(existsSync(join(runs, pidFile)));
  assert.equal(readdirSync(folder).sort(), ['agent-stderr.txt', 'agent-stdout.txt', 'cwd.txt', 'prompt.md']);
  assert.is(readFileSync(join(folder, 'agent-stderr.txt'), 'utf8'), 'wrong\n');
  assert.match(readFileSync(join(folder, 'cwd.txt'), 'utf8'), /^RUN_ID=run_[^]*\nEXIT_CODE=2\n$/);
  for (const [args, code] of [
    [['sh', 'shell', 'gone', 'prompt.md'], 2],
    [['sh', 'shell', 'work', 'gone.md'], 2],
    [['sh', 'nobody', 'work', 'prompt.md'], 3],
    [['sh', 'shell'], 2],
  ] as [string[], number][])
    assert.is((await tool('run-agent', args, { cwd, env })).code, code);
});

test.run();
