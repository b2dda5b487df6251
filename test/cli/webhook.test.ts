import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanEnvironment, startService, temporary, tool } from '../support/service.js';

const world = () => {
  const cwd = temporary('webhook');
  const env = cleanEnvironment();
  const conductor = (args: readonly string[], stdin = '') => tool('conductor', args, { cwd, env, stdin });
  return { cwd, env, webhook: (args: readonly string[], stdin?: string) => conductor(['webhook', ...args], stdin) };
};

const push = JSON.stringify({
  ref: 'refs/heads/main',
  after: 'b'.repeat(40),
  repository: { full_name: 'acme/app' },
  sender: { login: 'ann' },
  note: 'Grüße 🎉',
});

test('what add prints makes a webhook that send reaches: told once, however often it is sent', async () => {
  const { cwd, env, webhook } = world();
  mkdirSync(join(cwd, 'rules'));
  writeFileSync(join(cwd, 'rules', 'none.yaml'), 'rules: [{ id: none, on: NOBODY_SAYS_THIS, do: review }]\n');
  const added = await webhook(['add', 'github', '--json']);
  assert.is(added.code, 0, added.stderr);
  const { url, secret, secret_file, config } = JSON.parse(added.stdout) as Record<string, string>;
  assert.is(url, 'http://127.0.0.1:14355/webhooks/github');
  assert.is(readFileSync(secret_file!, 'utf8'), `${secret}\n`);
  assert.is(statSync(secret_file!).mode & 0o777, 0o600);
  assert.match(secret!, /^[0-9a-f]{64}$/);
  assert.is((await webhook(['add', 'slack', '--secret-file', 'slack.secret'], 'of slack\n')).code, 0);
  writeFileSync(join(cwd, 'config.yaml'), `${config}\n  slack: { secret_file: slack.secret }\ntimers: {}\n`);
  writeFileSync(join(cwd, 'push.json'), push);

  const service = await startService([], { cwd, env });
  const to = ['--server', service.url];
  const first = await webhook(['send', 'github', 'push.json', '--event', 'push', '--delivery', 'd1']);
  assert.is(first.code, 0, first.stderr);
  assert.match(first.stdout, /^MSG-\S+\n$/);
  const again = await webhook(['send', 'github', '-', '--event', 'push', '--delivery', 'd1', '--json', ...to], push);
  assert.equal(JSON.parse(again.stdout), { msg_id: first.stdout.trim(), duplicate: true });
  assert.match(readFileSync(join(cwd, 'runs', 'MESSAGE-BUS.md'), 'utf8'), /CODE_PUSHED/);

  const ping = await webhook(['send', 'github', '-', '--event', 'ping', ...to], '{}');
  assert.equal([ping.code, ping.stdout], [0, '']);
  assert.match(ping.stderr, /ping/);
  assert.is((await webhook(['send', 'github', '-', '--event', 'push', ...to], '{')).code, 2);

  const asked = await webhook(['send', 'slack', '-', ...to], '{"type":"url_verification","challenge":"abc"}');
  assert.equal([asked.code, asked.stdout], [0, '']);
  assert.match(asked.stderr, /was answered/);

  const form = ['--content-type', 'application/x-www-form-urlencoded'];
  const formed = new URLSearchParams({ payload: push }).toString();
  assert.is((await webhook(['send', 'github', '-', '--event', 'push', ...to], formed)).code, 2);
  assert.is((await webhook(['send', 'github', '-', '--event', 'push', ...form, ...to], formed)).code, 0);

  // Another secret than the service has: refused, and the secret is nowhere in what is printed.
  writeFileSync(join(cwd, 'other.secret'), 'another secret\n', { mode: 0o600 });
  writeFileSync(join(cwd, 'other.yaml'), 'webhooks: { github: { secret_file: other.secret } }\n');
  const other = ['--config', 'other.yaml', ...to];
  const refused = await webhook(['send', 'github', '-', '--event', 'push', ...other], push);
  assert.is(refused.code, 2);
  assert.match(refused.stderr, /401.*signature is wrong/);
  assert.not.match(refused.stderr, /another secret/);
  await service.stop();
  const away = await webhook(['send', 'github', '-', '--event', 'push', ...to], push);
  assert.is(away.code, 1);
  assert.match(away.stderr, /conductor serve/);
});

test('an existing secret is never written over', async () => {
  const { webhook } = world();
  const first = await webhook(['add', 'gitea', '--secret-file', 'one.secret', '--name', 'forge']);
  assert.match(first.stdout, /provider: gitea\n {4}secret_file: "one.secret"/);
  const second = await webhook(['add', 'gitea', '--secret-file', 'one.secret']);
  assert.is(second.code, 2);
  assert.match(second.stderr, /exists.*another --secret-file/);
  assert.is(second.stdout, '');
});

test('the secret that a provider makes itself comes from standard input', async () => {
  const { cwd, webhook } = world();
  assert.is((await webhook(['add', 'stripe', '--secret-file', 's'])).code, 2);
  assert.is((await webhook(['add', 'stripe', '--secret-file', 's'], 'whsec_abc\n')).code, 0);
  assert.is(readFileSync(join(cwd, 's'), 'utf8'), 'whsec_abc\n');
});

test('wrong use says what would be right', async () => {
  const { cwd, webhook } = world();
  writeFileSync(join(cwd, 'config.yaml'), 'webhooks: { github: { secret_file: s } }\n');
  writeFileSync(join(cwd, 's'), 'secret', { mode: 0o600 });
  const cases: [string[], RegExp][] = [
    [['add', 'svn'], /github.*generic/],
    [['add', 'github', '--name', '../x'], /--name/],
    [['send', 'gitlab', '-'], /there are: github/],
    [['send', 'github', '-'], /--event push/],
    [['send', 'github', 'nothing.json', '--event', 'push'], /nothing\.json/],
    [['send', 'github', '-', '--event', 'push', '--server', 'nowhere'], /nowhere/],
  ];
  for (const [args, message] of cases) {
    const { code, stderr, stdout } = await webhook(args);
    assert.is(code, 2, args.join(' '));
    assert.match(stderr, message);
    assert.is(stdout, '');
  }
});

test('list names each webhook with its address', async () => {
  const { cwd, webhook } = world();
  const none = await webhook(['list']);
  assert.equal([none.code, none.stdout], [0, '']);
  writeFileSync(
    join(cwd, 'config.yaml'),
    'webhooks: { ci: { provider: gitlab, secret_file: [a, b] }, github: { secret_file: c } }\n',
  );
  const { webhooks } = JSON.parse((await webhook(['list', '--json'])).stdout) as { webhooks: unknown };
  assert.equal(webhooks, [
    { name: 'ci', provider: 'gitlab', url: 'http://127.0.0.1:14355/webhooks/ci', secret_files: ['a', 'b'], events: 0 },
    {
      name: 'github',
      provider: 'github',
      url: 'http://127.0.0.1:14355/webhooks/github',
      secret_files: ['c'],
      events: 0,
    },
  ]);
});

test.run();
