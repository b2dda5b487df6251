import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Action } from '../../src/notify/action.js';
import { createNotifier } from '../../src/notify/notifier.js';
import { temporary } from '../support/service.js';

const SECRET = 'xoxb-very-secret-1';
const never = new AbortController().signal;
const notifierOf = (action: Action) =>
  createNotifier({ actions: { page: action }, redact: (text) => text.replaceAll(SECRET, '[redacted]') });
const notification = (message: string) => ({ action: 'page', message, key: 'a/b', data: { task_id: 't' } });

interface Asked {
  path: string;
  headers: IncomingHttpHeaders;
  body: unknown;
}

const withServer = async (status: number, work: (url: string, asked: Asked[]) => Promise<void>): Promise<void> => {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      asked.push({ path: request.url ?? '', headers: request.headers, body: JSON.parse(body) });
      response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end('ok');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}/services/T0/${SECRET}`, asked);
  } finally {
    server.close();
  }
};

const webhook = (url: string, form: 'json' | 'slack'): Action => ({
  kind: 'webhook',
  url,
  form,
  headers: { 'x-team': 'blue' },
  timeout_ms: 5_000,
});

test('a webhook is sent JSON with a key and the headers of the configuration, and secrets are taken out', () =>
  withServer(200, async (url, asked) => {
    const delivery = await notifierOf(webhook(url, 'json')).deliver(notification(`disk is full, ${SECRET}`), never);
    assert.ok(delivery.ok);
    assert.equal(asked[0]!.body, { action: 'page', message: 'disk is full, [redacted]', key: 'a/b', task_id: 't' });
    assert.is(asked[0]!.headers['idempotency-key'], 'a/b');
    assert.is(asked[0]!.headers['x-team'], 'blue');
  }));

test('Slack is sent text in its own escaping', () =>
  withServer(200, async (url, asked) => {
    await notifierOf(webhook(url, 'slack')).deliver(notification('a < b & <!channel>'), never);
    assert.equal(asked[0]!.body, { text: 'a &lt; b &amp; &lt;!channel&gt;' });
  }));

for (const [status, final] of [
  [503, false],
  [429, false],
  [404, true],
  [400, true],
] as const)
  test(`${status} is ${final ? 'final' : 'worth another try'}, and the URL is not told`, () =>
    withServer(status, async (url) => {
      const delivery = await notifierOf(webhook(url, 'json')).deliver(notification('x'), never);
      assert.ok(!delivery.ok);
      assert.is(delivery.final, final);
      assert.match(delivery.error, `answered ${status}`);
      assert.not.match(delivery.error, SECRET);
    }));

test('a redirect is not followed: it would carry the message elsewhere', () =>
  withServer(302, async (url, asked) => {
    const delivery = await notifierOf(webhook(url, 'json')).deliver(notification('x'), never);
    assert.not(delivery.ok);
    assert.is(asked.length, 1);
  }));

test('a host that is away is worth another try', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const delivery = await notifierOf(webhook(`http://127.0.0.1:${port}/${SECRET}`, 'json')).deliver(
    notification('x'),
    never,
  );
  assert.equal(delivery, { ok: false, final: false, error: `127.0.0.1:${port} was not reached: ECONNREFUSED` });
});

const script = (text: string): Action => {
  const folder = temporary('notify');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'tell');
  writeFileSync(file, `#!/bin/sh\ncd ${folder}\n${text}\n`, { mode: 0o755 });
  return { kind: 'command', command: [file, folder], timeout_ms: 5_000 };
};
const folderOf = (action: Action): string => (action.kind === 'command' ? action.command[1]! : '');

test('a command gets the message on stdin and the rest in its environment, none of which is ours', async () => {
  process.env['CONDUCTOR_TEST_SECRET'] = SECRET;
  const action = script('cat > message; env > environment; echo told');
  const delivery = await notifierOf(action).deliver(notification('$(touch hacked); `id`'), never);
  delete process.env['CONDUCTOR_TEST_SECRET'];
  assert.equal(delivery, { ok: true, said: 'told' });
  assert.is(readFileSync(join(folderOf(action), 'message'), 'utf8'), '$(touch hacked); `id`\n');
  const environment = readFileSync(join(folderOf(action), 'environment'), 'utf8');
  assert.match(environment, /^NOTIFY_ACTION=page$/m);
  assert.match(environment, /^NOTIFY_KEY=a\/b$/m);
  assert.match(environment, /^NOTIFY_DATA=\{"task_id":"t"\}$/m);
  assert.not.match(environment, SECRET);
});

test('a command that fails says why; what a command calls permanent, or is not there, is not tried again', async () => {
  const once = await notifierOf(script(`echo "no network, ${SECRET}" >&2; exit 1`)).deliver(notification('x'), never);
  assert.match(JSON.stringify(once), /"final":false,"error":".*tell ended with 1: no network, \[redacted\]"/);
  const wrong = await notifierOf(script('exit 2')).deliver(notification('x'), never);
  assert.match(JSON.stringify(wrong), '"final":true');
  const missing = await notifierOf({ kind: 'command', command: ['/no/such/program'], timeout_ms: 1_000 }).deliver(
    notification('x'),
    never,
  );
  assert.match(JSON.stringify(missing), '"final":true');
});

test('a name that nobody configured is told so', async () => {
  const notifier = notifierOf(webhook('http://localhost/', 'json'));
  assert.ok(notifier.knows('page'));
  assert.not(notifier.knows('toString'));
  const delivery = await notifier.deliver({ ...notification('x'), action: 'toString' }, never);
  assert.match(JSON.stringify(delivery), 'there is no action');
});

test.run();
