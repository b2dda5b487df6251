import { createHmac } from 'node:crypto';
import { createRequire } from 'node:module';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { breakIt, makeRepository } from '../support/repository.js';
import { cleanEnvironment, isAlive, startService, temporary, tool, until, type Service } from '../support/service.js';
import { watch, type Said, type Watcher } from '../support/watcher.js';

interface World {
  folder: string;
  root: string;
  env: Record<string, string>;
  service: Service;
  watcher: Watcher;
  write(type: string, data?: Record<string, unknown>): Promise<string>;
  close(): Promise<void>;
}

const SECRET = "it's a secret to everybody";

/** The shipped rules and handlers in a folder with this configuration; codex is a program that answers with its name. */
const open = async (config: string): Promise<World> => {
  const folder = temporary('shipped');
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  writeFileSync(
    join(bin, 'codex'),
    `#!/bin/sh\ncat > '${folder}/prompt'\necho '{"type":"thread.started","thread_id":"t"}'\necho '{"type":"item.completed","item":{"id":"i","type":"agent_message","text":"codex looked"}}'\necho '{"type":"turn.completed","usage":{"input_tokens":1,"output_tokens":1}}'\n`,
  );
  chmodSync(join(bin, 'codex'), 0o755);
  writeFileSync(join(folder, 'secret'), SECRET);
  chmodSync(join(folder, 'secret'), 0o600);
  writeFileSync(join(folder, 'config.yaml'), config);
  const env = cleanEnvironment({ CODEX_API_KEY: 'not-a-key' });
  env['PATH'] = `${bin}:${env['PATH']}`;
  const root = join(folder, 'runs');
  const service = await startService(['--root', root], { cwd: folder, env });
  const watcher = await watch(service);
  return {
    folder,
    root,
    env,
    service,
    watcher,
    async write(type, data = {}) {
      const done = await tool(
        'messagebus-tool',
        ['write', '--root', root, '--type', type, '--data', JSON.stringify(data), type],
        { env },
      );
      assert.is(done.code, 0, done.stderr);
      return done.stdout.trim();
    },
    async close() {
      watcher.close();
      assert.is(await service.stop(), 0);
    },
  };
};

const test = suite('the shipped rules');
let world: World | undefined;
const opened = async (config: string): Promise<World> => (world = await open(config));
test.after.each(async () => {
  await world?.close();
  world = undefined;
});

const said = (watcher: Watcher, type: string, fits?: (said: Said) => boolean): Promise<Said> =>
  until(`${type} is said`, () => watcher.find(type, fits));

const examples = createRequire(import.meta.url)('@octokit/webhooks-examples') as {
  name: string;
  examples: Record<string, unknown>[];
}[];
const payloadOf = (name: string, fits: (payload: Record<string, unknown>) => boolean): Record<string, unknown> => {
  const found = examples.find((one) => one.name === name)?.examples.find(fits);
  assert.ok(found, `there is an example of ${name}`);
  return found;
};

const deliver = (
  service: Service,
  event: string,
  delivery: string,
  body: string,
  headers: Record<string, string> = {},
) =>
  fetch(`${service.url}/webhooks/github`, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'x-github-event': event,
      'x-github-delivery': delivery,
      'x-hub-signature-256': `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`,
      ...headers,
    },
  });

test('a signed push of GitHub tests the configured repository and has the failure investigated', async () => {
  const env = cleanEnvironment();
  const repository = await makeRepository(env, join(temporary('elsewhere'), 'runs'));
  const sha = await breakIt(repository);
  const payload = payloadOf('push', (one) => String(one['ref']).startsWith('refs/heads/') && one['deleted'] === false);
  const name = (payload['repository'] as { full_name: string }).full_name;
  const body = JSON.stringify({ ...payload, after: sha, path: '/etc' });
  const { service, watcher } = await opened(
    `webhooks: { github: { secret_file: secret } }\nrepositories: { ${name}: ${repository.remote} }\ntimers: {}\n`,
  );
  const first = await deliver(service, 'push', 'delivery-1', body);
  assert.is(first.status, 202);
  const accepted = (await first.json()) as { msg_id: string };
  const failed = await said(watcher, 'TEST_FAILED');
  assert.match(String(failed.data['output']), 'adds two numbers');
  assert.is((await said(watcher, 'INVESTIGATED')).body, 'codex looked');
  assert.is(watcher.find('CODE_PUSHED')?.msg_id, accepted.msg_id);

  const again = (await (await deliver(service, 'push', 'delivery-1', body)).json()) as Record<string, unknown>;
  assert.is(again['msg_id'], accepted.msg_id);
  assert.is(again['duplicate'], true);
  assert.is(watcher.heard.filter(({ type }) => type === 'CODE_PUSHED').length, 1);
});

test('a pull request is reviewed and a failed check investigated, both from real payloads', async () => {
  const { service, watcher } = await opened('webhooks: { github: { secret_file: secret } }\ntimers: {}\n');
  const opening = JSON.stringify(payloadOf('pull_request', (one) => one['action'] === 'opened'));
  assert.is((await deliver(service, 'pull_request', 'pr-1', opening)).status, 202);
  assert.is((await said(watcher, 'REVIEWED')).body, 'codex looked');
  const check = payloadOf('check_run', (one) => one['action'] === 'completed');
  const failing = JSON.stringify({ ...check, check_run: { ...(check['check_run'] as object), conclusion: 'failure' } });
  assert.is((await deliver(service, 'check_run', 'check-1', failing)).status, 202);
  await said(watcher, 'TEST_FAILED');
  await said(watcher, 'INVESTIGATED');
});

test('what no webhook may send is refused, and nothing is said', async () => {
  const { service, watcher, write } = await opened('webhooks: { github: { secret_file: secret } }\ntimers: {}\n');
  const body = JSON.stringify(payloadOf('push', () => true));
  assert.is((await deliver(service, 'push', 'x', body, { 'x-hub-signature-256': '' })).status, 401);
  assert.is(
    (await deliver(service, 'push', 'x', body, { 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` })).status,
    401,
  );
  assert.is((await deliver(service, 'push', 'x', '{"ref":')).status, 400);
  assert.is((await deliver(service, 'push', 'x', JSON.stringify({ text: 'x'.repeat(26 * 1024 * 1024) }))).status, 413);
  const last = await write('INFO');
  await until('the last word is heard', () => watcher.heard.find(({ msg_id }) => msg_id === last));
  assert.is(watcher.find('CODE_PUSHED'), undefined);
});

test('a deployment is tested, and rolled back when that fails', async () => {
  const { folder, watcher, write } = await opened(
    "deploy: { command: 'echo deployed >> log', smoke_test: 'test ! -e broken', rollback: 'echo rolled back >> log' }\ntimers: {}\n",
  );
  await write('DEPLOY_REQUESTED');
  await said(watcher, 'DEPLOYED');
  writeFileSync(join(folder, 'broken'), '');
  await write('DEPLOY_REQUESTED');
  await said(watcher, 'DEPLOY_FAILED');
  assert.is(readFileSync(join(folder, 'log'), 'utf8'), 'deployed\ndeployed\nrolled back\n');
});

test('a deployment without configuration says what is missing and is a configuration error', async () => {
  const { watcher, write } = await opened('timers: {}\n');
  await write('DEPLOY_REQUESTED');
  const finished = await said(watcher, 'HANDLER_FINISHED');
  assert.is(finished.data['exit'], 3);
  assert.match(finished.body, 'deploy is not configured');
});

test('changes of a watched folder are noticed once they rest', async () => {
  const { folder, watcher } = await opened('watch: [{ paths: [src/**], debounce: 200ms }]\ntimers: {}\n');
  mkdirSync(join(folder, 'src'));
  writeFileSync(join(folder, 'src', 'one.txt'), '1');
  writeFileSync(join(folder, 'src', 'two.txt'), '2');
  const noticed = await said(watcher, 'CHANGE_NOTICED');
  assert.match(noticed.body, 'src/one.txt');
  await until(
    'both are told',
    () => watcher.heard.some(({ type, body }) => type === 'CHANGE_NOTICED' && body.includes('two.txt')) || undefined,
  );
});

test('a timer checks the health; an alert is said once over the threshold and cleared when it passes', async () => {
  const { root, env, watcher } = await opened(
    "timers: { health: { cron: '* * * * * *' } }\nhealth: { disk_percent: 100 }\n",
  );
  const failing = ['task', '--root', root, '--agent', 'shell', '--task-id', 'bad', '--prompt', 'exit 2'];
  await tool('run-agent', failing, { env });
  const alert = await said(watcher, 'HEALTH_ALERT');
  assert.equal(alert.data['raised'], ['error_rate']);
  // Every good check is a run, too, and brings the rate down.
  const cleared = await said(watcher, 'HEALTH_CLEARED');
  assert.equal(cleared.data['cleared'], ['error_rate']);
  assert.is(watcher.heard.filter(({ type }) => type === 'HEALTH_ALERT').length, 1);
});

test('an alert is audited and an issue looked into, with the details fenced in the prompt', async () => {
  const { folder, watcher, write } = await opened('timers: {}\n');
  await write('SECURITY_ALERT', { details: 'port 23 is open' });
  assert.is((await said(watcher, 'AUDITED')).body, 'codex looked');
  assert.match(readFileSync(join(folder, 'prompt'), 'utf8'), /<<<DATA [^]*port 23 is open[^]*>>>/);
  await write('PERFORMANCE_ISSUE', { details: 'p99 is 4 s' });
  assert.is((await said(watcher, 'OPTIMIZATION_PROPOSED')).body, 'codex looked');
});

test('what nobody answers is said once', async () => {
  const { watcher, write } = await opened('timers: {}\n');
  await write('MOON_FULL');
  await write('MOON_FULL');
  const other = await write('TIDE_HIGH');
  await said(watcher, 'NO_HANDLER', ({ body }) => body.includes('TIDE_HIGH'));
  assert.ok(other);
  const bodies = watcher.heard.filter(({ type }) => type === 'NO_HANDLER').map(({ body }) => body);
  assert.equal(bodies, ['No handler for event: MOON_FULL', 'No handler for event: TIDE_HIGH']);
});

test('paused, nothing starts; unpaused, it does; stopped, everything ends with all its processes', async () => {
  const { folder, root, env, watcher, write } = await opened(
    `deploy: { command: 'echo $$ > pid; sleep 300 & sleep 300' }\ntimers: {}\n`,
  );
  const conductor = async (...words: string[]): Promise<void> => {
    const done = await tool('conductor', [...words, '--root', root], { env });
    assert.is(done.code, 0, done.stderr);
  };
  await conductor('pause');
  await write('MOON_FULL');
  await said(watcher, 'ROUTED', ({ data }) => JSON.stringify(data).includes('nothing-matched'));
  assert.is(watcher.find('NO_HANDLER'), undefined);
  const refused = await tool('run-agent', ['task', '--root', root, '--agent', 'shell', '--prompt', 'true'], { env });
  assert.is(refused.code, 1);
  assert.match(refused.stderr, 'paused');
  await conductor('unpause');
  await said(watcher, 'NO_HANDLER');

  await write('DEPLOY_REQUESTED');
  const pid = await until('the deployment works', () => {
    const text = existsSync(join(folder, 'pid')) ? readFileSync(join(folder, 'pid'), 'utf8').trim() : '';
    return text === '' ? undefined : Number(text);
  });
  await conductor('stop', '--all');
  await said(watcher, 'RUN_STOP', ({ data }) => String(data['reason']).startsWith('stopped'));
  assert.not.ok(isAlive(pid));
  await conductor('unpause');
});

test('the health of the service is told to anyone', async () => {
  const { service } = await opened('timers: {}\n');
  const health = (await (await fetch(`${service.url}/api/v1/health`)).json()) as { status: string };
  assert.is(health.status, 'ok');
});

test.run();
