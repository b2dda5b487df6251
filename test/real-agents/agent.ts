// What one real agent must do under our runner: `agent.ts claude|codex|gemini FOLDER_OF_PROGRAMS [WORDS_OF_A_TITLE]`.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { listProcesses, variableOf } from '../../src/runner/processes.js';
import { until } from '../support/service.js';
import { mcpTests } from './mcp.js';
import { openWorld, promptOf, startModelServer } from './world.js';

const [agent = '', bin = '', only = ''] = process.argv.slice(2);
const server = await startModelServer();
const open = () => openWorld(agent, bin, server.url);
const all = suite(agent);
all.after(() => server.stop());
const test = (title: string, work: () => Promise<void>): void => {
  if (title.includes(only)) all(title, work);
};

/** Processes that carry the mark of a run of this root. */
const living = (root: string): number[] =>
  listProcesses()
    .map(({ pid }) => pid)
    .filter((pid) => variableOf(pid, 'CONDUCTOR_ROOT') === root);

test('calls a tool, writes a file, and its last word is the output', async () => {
  const world = open();
  const done = await world.task('made', promptOf({ tool: 'echo hello > made' }, { say: 'all of it is done' }));
  assert.is(done.code, 0, done.stderr);
  assert.is(done.stdout, 'all of it is done\n');
  assert.is(readFileSync(join(world.work, 'made'), 'utf8'), 'hello\n');
  const info = world.info('made');
  assert.match(info, /^session_id: \S+/m);
  assert.match(info, /input_tokens: 200/);
  assert.equal(living(world.root), []);
});

test('reads a prompt that is longer than an argument may be', async () => {
  const world = open();
  writeFileSync(join(world.folder, 'long.md'), `${'word '.repeat(60_000)}\n${promptOf({ say: 'read' })}`);
  const done = await world.tool(
    'run-agent',
    ...['task', '--agent', 'plain', '--config', 'config.yaml', '--cwd', world.work, '--prompt-file', 'long.md'],
  );
  assert.is(done.stdout, 'read\n', done.stderr);
});

test('changes nothing where it may only read', async () => {
  const world = open();
  const prompt = promptOf(
    { tool: 'echo x > by-shell' },
    { write: [join(world.work, 'by-tool'), 'x'] },
    // Nor where it tries what is not offered.
    { call: ['exit_plan_mode', { plan_filename: 'plan.md' }] },
    { call: ['run_shell_command', { command: 'echo x > by-shell' }] },
    { call: ['Bash', { command: 'echo x > by-shell' }] },
    { say: 'tried' },
  );
  const done = await world.task('read', prompt, '--agent', 'reader');
  assert.is(done.stdout, 'tried\n', done.stderr);
  assert.not.ok(existsSync(join(world.work, 'by-shell')));
  assert.not.ok(existsSync(join(world.work, 'by-tool')));
});

test('is started again until DONE is there and the check succeeds', async () => {
  const world = open();
  // Without a substitution: gemini refuses those.
  const count = 'echo x >> count; if grep -c x count | grep -q "[2-9]"; then touch "$CONDUCTOR_DONE"; fi';
  const loop = ['--until', 'done', '--verify', 'test $(wc -l < count) -ge 3 || { echo too few; exit 1; }'];
  const done = await world.task('loop', promptOf({ tool: count }, { say: 'a turn is over' }), ...loop);
  assert.is(done.code, 0, done.stderr);
  assert.is(world.runsOf('loop').length, 5, 'three turns and two checks');
  const told = (await world.asked()).flatMap(({ prompts }) => prompts).filter(({ text }) => text.includes('too few'));
  assert.ok(told.length > 0, 'the failure of the check was told to the third turn');
});

test('goes on in its session after it was killed in the middle of a tool', async () => {
  const world = open();
  const tool = 'if test -e began; then touch "$CONDUCTOR_DONE"; else touch began; sleep 300; fi';
  const loop = world.begin('killed', promptOf({ tool }, { say: 'finished' }), '--until', 'done', '--session', 'resume');
  const ended = new Promise((resolve) => loop.once('exit', resolve));
  await until('it is at work', () => existsSync(join(world.work, 'began')) || undefined);
  const shim = Number(/^pid: (\d+)/m.exec(world.info('killed'))?.[1]);
  // The agent and all below it, but not the shim: that it is gone must be found out.
  const all = listProcesses();
  const below = (pid: number): number[] =>
    all.filter(({ parent }) => parent === pid).flatMap((one) => [one.pid, ...below(one.pid)]);
  for (const pid of below(shim)) process.kill(pid, 'SIGKILL');
  assert.is(await ended, 0);
  const session = (index: number) => /^session_id: (\S+)/m.exec(world.info('killed', index))?.[1];
  assert.is(session(0), session(1), 'it is the same session');
  assert.match(world.info('killed', 0), 'signal: SIGKILL');
  const last = (await world.asked()).filter(({ prompts }) => prompts.some(({ text }) => text.includes('began;')));
  assert.ok(
    last.some(
      ({ prompts }) =>
        prompts
          .map(({ text }) => text)
          .join('')
          .split('SCRIPT').length > 2,
    ),
    'the second turn was asked with what was said in the first',
  );
});

test('speaks on the bus with the command that its prompt names', async () => {
  const world = open();
  const say = 'messagebus-tool write --type DECISION "we take the left road"';
  const done = await world.task('said', promptOf({ tool: say }, { say: 'told' }));
  assert.is(done.code, 0, done.stderr);
  const read = await world.tool('messagebus-tool', 'read', '--type', 'DECISION', '--json');
  const message = JSON.parse(read.stdout) as Record<string, unknown>;
  assert.is(message['body'], 'we take the left road');
  assert.equal([message['task_id'], message['run_id']], ['said', world.runsOf('said')[0]]);
});

test('starts a child of its own kind, and reads its answer', async () => {
  const world = open();
  writeFileSync(join(world.work, 'child.md'), promptOf({ say: 'the answer of the child' }));
  const child = `run-agent task --config ${world.folder}/config.yaml --task-id child --prompt-file child.md > answer`;
  const done = await world.task('parent', promptOf({ tool: child }, { say: 'it answered' }));
  assert.is(done.code, 0, done.stderr);
  assert.is(readFileSync(join(world.work, 'answer'), 'utf8'), 'the answer of the child\n');
  const info = world.info('child');
  assert.match(info, `parent_run_id: ${world.runsOf('parent')[0]}`);
  assert.match(info, 'depth: 1');
  assert.match(info, `agent: ${agent}`);
});

test('a refused key is permanent', async () => {
  const world = open();
  const done = await world.task('refused', promptOf({ status: 401, message: 'invalid x-api-key' }));
  assert.is(done.code, 2, done.stderr);
  assert.match(world.bus(), '"class":"permanent"');
});

test('a used-up quota is told as such, and another agent goes on', async () => {
  const world = open();
  const limit = promptOf({ status: 429, message: 'usage limit reached, try again in 20 minutes' });
  const done = await world.task('limit', limit, '--agent', 'thrifty');
  assert.is(done.stdout, 'the spare one answers\n', done.stderr);
  assert.match(world.bus(), '"reason":"rate_limit"');
  assert.match(world.bus(), 'type: RUN_FALLBACK');
});

test('an overloaded service is transient', async () => {
  const world = open();
  const done = await world.task('full', promptOf({ status: 529, message: 'overloaded' }));
  assert.is(done.code, 1, done.stderr);
  assert.match(world.bus(), '"class":"transient"');
});

test('a service that is overloaded for a moment is asked again', async () => {
  const world = open();
  const done = await world.task(
    'moment',
    promptOf({ status: 529, times: 1, message: 'overloaded' }, { say: 'at last' }),
  );
  assert.is(done.stdout, 'at last\n', done.stderr);
});

test('a model that says nothing more is left after the idle time', async () => {
  const world = open();
  const done = await world.task('silent', promptOf({ hang: true }), '--agent', 'quick');
  assert.is(done.code, 1);
  assert.match(done.stderr, 'idle: it was silent for too long');
  assert.equal(living(world.root), []);
});

test('stop ends it with the tool that it runs in another session', async () => {
  const world = open();
  const tool = 'touch began; (setsid nohup sleep 301 >/dev/null 2>&1 &); sleep 300';
  const run = world.begin('stopped', promptOf({ tool }));
  const ended = new Promise((resolve) => run.once('exit', resolve));
  await until('it is at work', () => existsSync(join(world.work, 'began')) || undefined);
  const done = await world.tool('run-agent', 'stop', '--task', 'stopped');
  assert.is(done.code, 0, done.stderr);
  assert.is(await ended, 1);
  assert.equal(living(world.root), []);
  assert.match(world.info('stopped'), 'status: failed');
});

test('more tool calls than it may make end it', async () => {
  const world = open();
  const calls = Array.from({ length: 6 }, (_one, index) => ({ tool: `sleep 0.3; echo ${index} >> calls` }));
  const done = await world.task('bounded', promptOf(...calls), '--agent', 'bounded');
  assert.is(done.code, 2, done.stderr);
  const lines = readFileSync(join(world.work, 'calls'), 'utf8').trim().split('\n').length;
  assert.ok(lines < 5, `${lines} calls were made`);
});

test('its key is in no file of the run, though it prints it', async () => {
  const world = open();
  const done = await world.task('key', promptOf({ tool: 'env | grep API_KEY' }, { say: 'printed' }));
  assert.is(done.code, 0, done.stderr);
  const folder = join(world.root, 'default', 'key', world.runsOf('key')[0] ?? '');
  const stdout = readFileSync(join(folder, 'agent-stdout.txt'), 'utf8');
  assert.match(stdout, 'API_KEY');
  assert.not.match(stdout, 'dummy-0000');
});

test('outlives a service that is killed, and the next one finds its end', async () => {
  const world = open();
  for (const name of ['rules', 'handlers']) mkdirSync(join(world.folder, name), { recursive: true });
  const first = await world.serve();
  const tool = 'touch began; until test -e go; do sleep 0.1; done';
  const prompt = promptOf({ tool }, { say: 'it went on' });
  const created = await world.tool(
    'conductor',
    ...['task', 'create', '--task', 'adopted', '--agent', agent, '--prompt', prompt, '--cwd', world.work],
  );
  assert.is(created.code, 0, created.stderr);
  await until('it is at work', () => existsSync(join(world.work, 'began')) || undefined);
  const ended = new Promise((resolve) => first.process.once('exit', resolve));
  first.process.kill('SIGKILL');
  await ended;
  const second = await world.serve();
  try {
    writeFileSync(join(world.work, 'go'), '');
    await until('its end is found', () => world.info('adopted').includes('status: completed') || undefined);
    assert.is(world.runsOf('adopted').length, 1, 'it was started once');
    const output = await world.tool('run-agent', 'output', '--task', 'adopted');
    assert.is(output.stdout.trim(), 'it went on');
  } finally {
    await second.stop();
  }
});

mcpTests(agent, test, open);
all.run();
