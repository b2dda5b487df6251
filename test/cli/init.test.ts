import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseRemote } from '../../src/cli/init/detect.js';
import { fakeService } from '../support/fake-service.js';
import {
  NODE_OPTIONS,
  cleanEnvironment,
  command,
  run,
  startService,
  temporary,
  tool,
  until,
} from '../support/service.js';

const world = () => {
  const cwd = realpathSync(temporary('init'));
  const env = cleanEnvironment();
  const conductor = (...args: string[]) => tool('conductor', args, { cwd, env });
  const git = (...args: string[]) =>
    run('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', ...args], { cwd, env });
  return { cwd, env, conductor, git };
};

test('a repository gets what works at once: its commit is told, and its own tests answer', async () => {
  const { cwd, env, conductor, git } = world();
  await git('init', '-q', '-b', 'main');
  await git('remote', 'add', 'origin', 'git@github.com:acme/app.git');
  writeFileSync(join(cwd, 'package.json'), '{"scripts":{"test":"node -e 0"}}');
  const done = await conductor('init', '--hook', '--systemd');
  assert.is(done.code, 0, done.stderr);
  assert.match(done.stdout, 'found node, tests by "npm test", acme/app at github.com');
  assert.match(done.stdout, /^wrote rules\/ \(\d+ files\)\nwrote handlers\/ \(\d+ files\)$/m);
  assert.match(done.stdout, 'conductor webhook add github');
  assert.match(readFileSync(join(cwd, '.gitignore'), 'utf8'), /^runs\/$/m);
  const unit = readFileSync(join(cwd, 'conductor.service'), 'utf8');
  assert.match(unit, `WorkingDirectory=${cwd}\n`);
  assert.ok(NODE_OPTIONS.length > 0);
  assert.match(unit, `ExecStart="${process.execPath}" ${NODE_OPTIONS.join(' ')} "${command('conductor')}" serve\n`);
  assert.is((await conductor('config', 'check')).code, 0);
  assert.is((await conductor('rules', 'check')).code, 0);
  const { config } = JSON.parse((await conductor('config', 'show', '--json')).stdout);
  assert.equal(config.repositories, { 'acme/app': { path: '.', test_command: 'npm test' } });

  const service = await startService([], { cwd, env });
  try {
    assert.match(service.output(), join(cwd, 'rules'));
    await git('add', '.');
    assert.is((await git('commit', '-qm', 'begin')).code, 0);
    await until('the tests passed', async () =>
      (await tool('messagebus-tool', ['read', '--type', 'TEST_PASSED'], { cwd, env })).stdout.includes('TEST_PASSED'),
    );
  } finally {
    assert.is(await service.stop(), 0);
  }
});

test('what is there is kept, and said so; --force replaces it', async () => {
  const { cwd, conductor, git } = world();
  await git('init', '-q');
  writeFileSync(join(cwd, 'config.yaml'), 'timers: {}\n');
  writeFileSync(join(cwd, '.gitignore'), 'dist');
  mkdirSync(join(cwd, '.git', 'hooks'), { recursive: true });
  writeFileSync(join(cwd, '.git', 'hooks', 'post-commit'), '#!/bin/sh\n# mine\n');
  const first = await conductor('init', '--hook');
  assert.match(first.stdout, 'kept  config.yaml');
  assert.match(first.stdout, 'kept  .git/hooks/post-commit');
  assert.is(readFileSync(join(cwd, 'config.yaml'), 'utf8'), 'timers: {}\n');
  assert.match(readFileSync(join(cwd, '.git', 'hooks', 'post-commit'), 'utf8'), '# mine');
  assert.is(readFileSync(join(cwd, '.gitignore'), 'utf8'), 'dist\nruns/\n');
  rmSync(join(cwd, 'rules', 'conductor.yaml'));
  assert.match(
    (await conductor('init')).stdout,
    /^wrote rules\/ \(1 files; \d+ that were there are kept\)\nkept {2}handlers\/ \(\d+ files\)$/m,
  );
  await conductor('init', '--force');
  assert.match(readFileSync(join(cwd, 'config.yaml'), 'utf8'), 'local/');
  assert.is(readFileSync(join(cwd, '.gitignore'), 'utf8'), 'dist\nruns/\n');
});

test('where nobody can be asked, hook and unit are written only when they are named', async () => {
  const { cwd, conductor, git } = world();
  await git('init', '-q');
  rmSync(join(cwd, '.git', 'hooks'), { recursive: true, force: true });
  assert.is((await conductor('init')).code, 0);
  assert.not(existsSync(join(cwd, '.git', 'hooks', 'post-commit')));
  assert.not(existsSync(join(cwd, 'conductor.service')));
});

/** The command at a terminal; the answers are typed as the questions come. */
const atTerminal = async (cwd: string, env: Record<string, string>, answers: readonly string[]) => {
  const line = `exec '${process.execPath}' '${command('conductor')}' init`;
  const child = spawn('script', ['-qec', line, '/dev/null'], { cwd, env: { ...env, TERM: 'xterm' } });
  let shown = '';
  child.stdout.on('data', (bytes: Buffer) => (shown += bytes.toString()));
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  for (const [index, answer] of answers.entries()) {
    await until('it asks', () => shown.split('[y/N] ').length > index + 1);
    child.stdin.write(answer);
  }
  return { code: await ended, shown };
};

test('a person at a terminal is asked for webhook, hook and unit, and gets what was answered with yes', async () => {
  const { cwd, env, git } = world();
  await git('init', '-q');
  await git('remote', 'add', 'origin', 'git@github.com:acme/app.git');
  const { code, shown } = await atTerminal(cwd, env, ['n\r', 'y\r', 'Yes\r']);
  assert.is(code, 0, shown);
  assert.match(shown, 'A webhook of github? [y/N] ');
  assert.match(shown, 'A git hook that tells of each commit? [y/N] ');
  assert.match(shown, 'A systemd unit? [y/N] ');
  assert.ok(existsSync(join(cwd, '.git', 'hooks', 'post-commit')));
  assert.ok(existsSync(join(cwd, 'conductor.service')));
  assert.not(existsSync(join(env['HOME']!, '.secrets')));
  assert.match(shown, 'conductor webhook add github');
});

test('who leaves at a question has changed nothing', async () => {
  for (const key of ['\u0003', '\u0004']) {
    const { cwd, env, git } = world();
    await git('init', '-q');
    const { code, shown } = await atTerminal(cwd, env, ['n\r', key]);
    assert.is(code, 1, shown);
    assert.match(shown, 'left before anything was written');
    assert.equal(readdirSync(cwd), ['.git']);
  }
});

test('a webhook is set up: its secret, its lines in config.yaml, and at GitHub itself where a token is given', async () => {
  const github = await fakeService((_asked, response) => response.writeHead(201).end('{}'));
  try {
    const { cwd, env, conductor, git } = world();
    await git('init', '-q');
    await git('remote', 'add', 'origin', 'git@github.com:acme/app.git');
    const done = await conductor('init', '--webhook');
    assert.is(done.code, 0, done.stderr);
    assert.match(done.stdout, 'https://YOUR-ADDRESS/webhooks/github');
    const file = join(env['HOME']!, '.secrets', 'github.secret');
    const secret = readFileSync(file, 'utf8').trim();
    assert.is(statSync(file).mode & 0o777, 0o600);
    assert.not.match(done.stdout, secret);
    const { config } = JSON.parse((await conductor('config', 'show', '--json')).stdout);
    assert.equal(config.webhooks.github.secret_file, ['~/.secrets/github.secret']);
    assert.is((await conductor('config', 'check')).code, 0);

    Object.assign(env, { GITHUB_TOKEN: 'gh-token', GITHUB_API_URL: github.url });
    writeFileSync(join(cwd, 'config.yaml'), 'timers: {}\n');
    const again = await conductor('init', '--webhook', 'https://conductor.example.org');
    assert.match(again.stdout, `kept  ${file}`);
    assert.match(again.stdout, 'made  the webhook of acme/app');
    assert.match(again.stdout, 'put into config.yaml:\nwebhooks:\n  github:');
    assert.is(readFileSync(join(cwd, 'config.yaml'), 'utf8'), 'timers: {}\n');
    const [asked] = github.asked;
    assert.is(asked?.path, '/repos/acme/app/hooks');
    assert.is(asked?.headers.authorization, 'Bearer gh-token');
    assert.equal(asked?.body['config'], {
      url: 'https://conductor.example.org/webhooks/github',
      content_type: 'json',
      secret,
    });
  } finally {
    await github.close();
  }
});

test('the test command is found by what the folder holds', async () => {
  for (const [name, text, command] of [
    ['Makefile', 'test:\n\ttrue\n', 'make test'],
    ['Cargo.toml', '', 'cargo test'],
    ['go.mod', '', 'go test ./...'],
    ['pyproject.toml', '', 'pytest'],
    ['pom.xml', '', 'mvn -q test'],
  ] as const) {
    const { cwd, conductor } = world();
    writeFileSync(join(cwd, name), text);
    assert.match((await conductor('init')).stdout, `tests by "${command}"`);
  }
  const { conductor } = world();
  assert.match((await conductor('init')).stdout, 'found no language that I know\n');
});

test('a remote is understood in each of its forms', () => {
  for (const url of [
    'git@github.com:acme/app.git',
    'https://github.com/acme/app',
    'https://user@github.com/acme/app.git',
    'ssh://git@github.com:22/acme/app.git',
  ])
    assert.equal(parseRemote(url), { host: 'github.com', name: 'acme/app' }, url);
  assert.equal(parseRemote('git@gitlab.example.org:group/sub/app.git'), {
    host: 'gitlab.example.org',
    name: 'group/sub/app',
  });
  assert.is(parseRemote('/srv/git/app.git'), undefined);
});

test.run();
