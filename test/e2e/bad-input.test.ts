import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { NOBODY, nobodyReads } from '../support/nobody.js';
import { cleanEnvironment, isAlive, project, run, startService, temporary, tool, until } from '../support/service.js';
import { watch } from '../support/watcher.js';

const env = cleanEnvironment();

/** A folder with these files. */
const folderOf = (files: Record<string, string>): string => {
  const folder = temporary('bad-input');
  for (const [path, text] of Object.entries({ 'config.yaml': 'timers: {}\n', ...files })) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
};

const HANDLER = 'name: greet\nsteps:\n  - shell: echo hello\n';

/** What `serve` says of a folder that it cannot serve, and its exit code. */
const serve = (folder: string, ...words: string[]) =>
  tool('conductor', ['serve', '--port', '0', ...words], { cwd: folder, env });

const refusals: { name: string; files: Record<string, string>; says: RegExp }[] = [
  {
    name: 'a rule file that is no YAML',
    files: { 'rules/a.yaml': 'rules:\n  - id: one\n    on: [X\n', 'handlers/greet.yaml': HANDLER },
    says: /rules\/a\.yaml:\d+:\d+: /,
  },
  {
    name: 'an unknown key in a rule',
    files: {
      'rules/a.yaml': 'rules:\n  - id: one\n    on: X\n    do: greet\n    thottle: {}\n',
      'handlers/greet.yaml': HANDLER,
    },
    says: /rules\/a\.yaml:5:5: .*thottle.*throttle/s,
  },
  {
    name: 'a rule for a handler that is not there',
    files: { 'rules/a.yaml': 'rules:\n  - { id: one, on: X, do: nobody }\n', 'handlers/greet.yaml': HANDLER },
    says: /rules\/a\.yaml:2:\d+: .*no handler "nobody"/,
  },
  {
    name: 'an unknown key in the configuration',
    files: { 'config.yaml': 'defaults:\n  timeuot: 5m\n' },
    says: /config\.yaml:2:3: .*timeuot/,
  },
  {
    name: 'an unknown key in a handler',
    files: { 'handlers/greet.yaml': 'name: greet\nsteps:\n  - shell: echo\n    tiemout: 5\n' },
    says: /handlers\/greet\.yaml:\d+:\d+: .*tiemout/s,
  },
];
for (const { name, files, says } of refusals) {
  test(`${name} is told with its place, and nothing is begun`, async () => {
    const folder = folderOf(files);
    const done = await serve(folder);
    assert.is(done.code, 3, done.stderr);
    assert.match(done.stderr, says);
    assert.not.match(done.stdout, 'listens');
  });
}

test('a bad table saved while it runs leaves the good one in force', async () => {
  const folder = folderOf({
    'rules/a.yaml': 'rules:\n  - { id: one, on: GREET, do: greet }\n',
    'handlers/greet.yaml': HANDLER,
  });
  const service = await startService([], { cwd: folder, env });
  const watcher = await watch(service);
  try {
    writeFileSync(join(folder, 'rules', 'a.yaml'), 'rules:\n  - { id: one, on: GREET, do: greet, wehn: true }\n');
    await until('the place is said', () => /rules\/a\.yaml:2:\d+/.test(service.output()) || undefined);
    await tool('messagebus-tool', ['write', '--type', 'GREET', 'hello'], { cwd: folder, env });
    await until('the greeting is answered', () => watcher.find('HANDLER_FINISHED'));
  } finally {
    watcher.close();
    assert.is(await service.stop(), 0);
  }
});

test('an unknown agent in a handler fails its step as a configuration error', async () => {
  const folder = folderOf({
    'rules/a.yaml': 'rules:\n  - { id: one, on: GREET, do: greet }\n',
    'handlers/greet.yaml': 'name: greet\nsteps:\n  - { agent: hal, prompt: hello }\n',
  });
  const service = await startService([], { cwd: folder, env });
  const watcher = await watch(service);
  try {
    await tool('messagebus-tool', ['write', '--type', 'GREET', 'hello'], { cwd: folder, env });
    const finished = await until('it has ended', () => watcher.find('HANDLER_FINISHED'));
    assert.is(finished.data['exit'], 3);
    assert.match(finished.body, 'there is no agent "hal"');
  } finally {
    watcher.close();
    assert.is(await service.stop(), 0);
  }
});

test('ids that would leave the root are refused by every command', async () => {
  const folder = folderOf({});
  for (const id of ['..', 'a/b', 'a..b', '.hidden', '']) {
    for (const option of ['--project-id', '--task-id']) {
      const task = await tool('run-agent', ['task', '--agent', 'shell', '--prompt', 'true', option, id], {
        cwd: folder,
        env,
      });
      assert.is(task.code, 2, `${option} ${id}: ${task.stderr}`);
      const message = await tool('messagebus-tool', ['write', option, id, 'x'], { cwd: folder, env });
      assert.is(message.code, 2, `${option} ${id}: ${message.stderr}`);
    }
  }
  assert.not.ok(existsSync(join(folder, 'runs', 'MESSAGE-BUS.md')));
});

test('a prompt file that is not there is a usage error, and no run is made', async () => {
  const folder = folderOf({});
  const words = ['task', '--agent', 'shell', '--project', 'p', '--prompt-file', 'nowhere.md'];
  const done = await tool('run-agent', words, { cwd: folder, env });
  assert.is(done.code, 2);
  assert.match(done.stderr, 'nowhere.md');
  assert.not.ok(existsSync(join(folder, 'runs', 'p')));
});

test('runs/ that is a file, or not writable, is told by name', async () => {
  const folder = folderOf({ runs: 'a file' });
  const serving = await serve(folder);
  assert.is.not(serving.code, 0);
  assert.match(serving.stderr, join(folder, 'runs'));
  const writing = await tool('messagebus-tool', ['write', 'x'], { cwd: folder, env });
  assert.is(writing.code, 1);
  assert.match(writing.stderr, join(folder, 'runs'));
});

test('runs/ without leave to write is told by name to one who is not root', async () => {
  const folder = folderOf({});
  mkdirSync(join(folder, 'runs'));
  chmodSync(join(folder, 'runs'), 0o500);
  chmodSync(folder, 0o755);
  const words = [join(project, 'dist', 'cli', 'messagebus-tool.cjs'), 'write', 'x'];
  const isRoot = process.getuid?.() === 0;
  if (isRoot && !nobodyReads(words[0]!)) return console.log('skipped: nobody else may read the project');
  // Root may write everywhere, so there the command is run by nobody.
  const done = isRoot
    ? await run('setpriv', [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', process.execPath, ...words], {
        cwd: folder,
        env,
      })
    : await run(process.execPath, words, { cwd: folder, env });
  assert.is(done.code, 1, done.stderr);
  assert.match(done.stderr, `${join(folder, 'runs')}: it is not writable`);
});

test('a port that is taken is told, with the way out', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  try {
    const done = await tool('conductor', ['serve', '--port', String(port)], { cwd: folderOf({}), env });
    assert.is(done.code, 3, done.stderr);
    assert.match(done.stderr, `127.0.0.1:${port} is taken`);
  } finally {
    other.close();
  }
});

test('a second service on the same runs/ is refused, and the first goes on', async () => {
  const folder = folderOf({});
  const service = await startService([], { cwd: folder, env });
  try {
    const second = await serve(folder);
    assert.is(second.code, 3, second.stderr);
    assert.match(second.stderr, `process ${service.process.pid} serves the root`);
    assert.is((await fetch(`${service.url}/api/v1/health`)).status, 200);
  } finally {
    assert.is(await service.stop(), 0);
  }
});

test('tests that hang are ended in time, with every process of theirs', async () => {
  const folder = folderOf({
    'rules/a.yaml': 'rules:\n  - { id: ci, on: CODE_PUSHED, do: tests }\n',
    'handlers/tests.yaml': `name: tests\nsteps:\n  - id: test\n    timeout: 2s\n    shell: 'echo $$ > pid; (setsid sleep 300 & echo $! > daemon); sleep 300'\n`,
  });
  const service = await startService([], { cwd: folder, env });
  const watcher = await watch(service);
  try {
    await tool('messagebus-tool', ['write', '--type', 'CODE_PUSHED', 'x'], { cwd: folder, env });
    const stop = await until('it was ended', () => watcher.find('RUN_STOP'));
    assert.is(stop.data['reason'], 'timeout');
    for (const name of ['pid', 'daemon']) {
      const pid = Number(readFileSync(join(folder, name), 'utf8'));
      assert.ok(pid > 1, name);
      assert.not.ok(isAlive(pid), name);
    }
    assert.is((await until('the handler ended', () => watcher.find('HANDLER_FINISHED'))).data['exit'], 1);
  } finally {
    watcher.close();
    assert.is(await service.stop(), 0);
  }
});

test.run();
