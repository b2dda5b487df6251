import { chmodSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { breakIt, makeRepository } from '../support/repository.js';
import { cleanEnvironment, project, startService, temporary, tool, until } from '../support/service.js';
import { watch, type Said } from '../support/watcher.js';

test('a push that breaks a test becomes a report that names the test and the commit, and a watcher hears every step in order', async () => {
  const env = cleanEnvironment();
  const root = join(temporary('root'), 'runs');
  const service = await startService(['--root', root], { cwd: project, env });
  try {
    const watcher = await watch(service);
    const repository = await makeRepository(env, root);
    const sha = await breakIt(repository);
    const investigated = await until('INVESTIGATED is heard', () => watcher.find('INVESTIGATED'));
    const steps = ['CODE_PUSHED', 'TEST_FAILED', 'INVESTIGATED'].map((type) =>
      watcher.heard.findIndex((said) => said.type === type),
    );
    assert.ok(steps[0]! >= 0 && steps[0]! < steps[1]! && steps[1]! < steps[2]!, `order: ${steps.join()}`);
    const ids = watcher.heard.map((said) => said.msg_id);
    assert.equal(ids, [...ids].sort(), 'in bus order');
    const failed = watcher.heard[steps[1]!]!;
    assert.is(failed.data['exit_code'], 1);
    assert.match(String(failed.data['output']), 'adds two numbers');
    assert.match(investigated.body, 'adds two numbers');
    assert.match(investigated.body, sha);
    const started = watcher.heard.find(
      (said) => said.type === 'RUN_STOP' && said.data['run_id'] === investigated.data['run_id'],
    );
    assert.ok(started, 'the run of the report was said to have ended');
    const task = readdirSync(join(root, 'default')).find((name) => name.startsWith('investigate-'))!;
    const output = readFileSync(join(root, 'default', task, String(investigated.data['run_id']), 'output.md'), 'utf8');
    assert.match(output, 'adds two numbers');
    assert.match(output, sha);
    watcher.close();
  } finally {
    assert.is(await service.stop(), 0);
  }
});

test('with codex on PATH, codex is asked, and its answer is the report', async () => {
  const bin = temporary('bin');
  writeFileSync(
    join(bin, 'codex'),
    `#!/bin/sh\ncat > '${bin}/prompt'\necho '{"type":"thread.started","thread_id":"t1"}'\necho '{"type":"item.completed","item":{"id":"i","type":"agent_message","text":"The commit turned plus into minus."}}'\necho '{"type":"turn.completed","usage":{"input_tokens":10,"output_tokens":5}}'\n`,
  );
  chmodSync(join(bin, 'codex'), 0o755);
  const env = cleanEnvironment();
  env['PATH'] = `${bin}:${env['PATH']}`;
  env['OPENAI_API_KEY'] = 'sk-not-a-key';
  const root = join(temporary('root'), 'runs');
  const service = await startService(['--root', root], { cwd: project, env });
  try {
    const watcher = await watch(service);
    await breakIt(await makeRepository(env, root));
    const investigated = await until('INVESTIGATED is heard', () => watcher.find('INVESTIGATED'));
    assert.is(investigated.body, 'The commit turned plus into minus.');
    assert.match(readFileSync(join(bin, 'prompt'), 'utf8'), /<<<DATA [0-9a-f]{16}[^]*adds two numbers/);
    watcher.close();
  } finally {
    assert.is(await service.stop(), 0);
  }
});

test('run-agent task writes its five files and ends with the meaning of the agent', async () => {
  const env = cleanEnvironment();
  const root = join(temporary('root'), 'runs');
  const task = (prompt: string) =>
    tool(
      'run-agent',
      ['task', '--project-id', 'demo', '--task-id', 'hello', '--agent', 'shell', '--root', root, '--prompt', prompt],
      { env },
    );
  const good = await task('echo hello');
  assert.is(good.code, 0, good.stderr);
  assert.is(good.stdout, 'hello\n');
  const [folder] = readdirSync(join(root, 'demo', 'hello'));
  assert.equal(readdirSync(join(root, 'demo', 'hello', folder!)).sort(), [
    'agent-stderr.txt',
    'agent-stdout.txt',
    'output.md',
    'prompt.md',
    'run-info.yaml',
  ]);
  for (const code of [1, 2, 3]) assert.is((await task(`exit ${code}`)).code, code);
  const unknown = await tool('run-agent', ['task', '--agent', 'nobody', '--prompt', 'x', '--root', root], { env });
  assert.is(unknown.code, 3);
  assert.match(unknown.stderr, 'nobody');
  const missing = await tool(
    'run-agent',
    ['task', '--agent', 'shell', '--prompt-file', '/nowhere.md', '--root', root],
    { env },
  );
  assert.is(missing.code, 2);
  assert.match(missing.stderr, '/nowhere.md');
  const outside = await tool(
    'run-agent',
    ['task', '--project-id', '../x', '--agent', 'shell', '--prompt', 'x', '--root', root],
    { env },
  );
  assert.is(outside.code, 2);
});

test('run-agent inside run-agent stops at depth 16', async () => {
  const env = cleanEnvironment();
  const root = join(temporary('root'), 'runs');
  const script = join(temporary('nested'), 'nested.sh');
  writeFileSync(
    script,
    `#!/bin/sh\nrun-agent task --agent shell --task-id "level-$((CURRENT_DEPTH + 1))" --prompt-file '${script}'\n`,
  );
  const done = await tool(
    'run-agent',
    ['task', '--agent', 'shell', '--task-id', 'level-0', '--prompt-file', script, '--root', root],
    { env },
  );
  assert.is(done.code, 2, done.stderr);
  assert.is(readdirSync(join(root, 'default')).filter((name) => name.startsWith('level-')).length, 16);
});

test('a rule that answers itself stops at depth 16 and says so', async () => {
  const env = cleanEnvironment();
  const folder = temporary('loop');
  mkdirSync(join(folder, 'rules'));
  mkdirSync(join(folder, 'handlers'));
  writeFileSync(join(folder, 'rules', 'loop.yaml'), 'rules:\n  - { id: loop, on: PING, do: ping }\n');
  writeFileSync(join(folder, 'handlers', 'ping.yaml'), 'name: ping\nsteps:\n  - emit: { type: PING, body: again }\n');
  const root = join(folder, 'runs');
  const service = await startService(
    ['--root', root, '--rules', join(folder, 'rules'), '--handlers', join(folder, 'handlers')],
    { cwd: folder, env },
  );
  try {
    await tool('messagebus-tool', ['write', '--root', root, '--type', 'PING', 'go'], { env });
    const read = async (type: string): Promise<Said[]> =>
      (await tool('messagebus-tool', ['read', '--root', root, '--type', type, '--json'], { env })).stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Said);
    const [suppressed] = await until('the end is said', async () => {
      const said = await read('SUPPRESSED');
      return said.length > 0 ? said : undefined;
    });
    assert.match(suppressed!.body, 'the maximum is 16');
    assert.is((await read('PING')).length, 16);
  } finally {
    assert.is(await service.stop(), 0);
  }
});

test.run();
