import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import {
  cleanEnvironment,
  command,
  project,
  startService,
  temporary,
  temporaryForSockets,
  tool,
  until,
} from '../support/service.js';

const env = cleanEnvironment();
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

test('the first start makes a token that only its owner reads, and says where the service is', async () => {
  const root = join(temporary('service'), 'runs');
  const service = await startService(['--root', root], { cwd: project, env });
  const file = join(root, '.conductor', 'service.json');
  try {
    assert.is(statSync(join(root, '.conductor', 'token')).mode & 0o777, 0o600);
    assert.is(statSync(file).mode & 0o777, 0o600);
    const said = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    assert.equal([said['url'], said['pid'], said['token']], [service.url, service.process.pid, service.token]);
    assert.match(service.token, /^ct_[0-9a-f]{64}$/);
    assert.is((await fetch(`${service.url}/api/v1/status`)).status, 401);
    assert.is((await fetch(`${service.url}/api/v1/status`, bearer(service.token))).status, 200);
    assert.not.match(service.output(), service.token);
  } finally {
    assert.is(await service.stop(), 0);
  }
  assert.not.ok(existsSync(file));
  const again = await startService(['--root', root], { cwd: project, env });
  assert.is(again.token, service.token);
  await again.stop();
});

test('a token that others may read is refused with the remedy', async () => {
  const root = join(temporary('service'), 'runs');
  await tool('conductor', ['token', '--root', root], { env });
  chmodSync(join(root, '.conductor', 'token'), 0o644);
  const done = await tool('conductor', ['serve', '--root', root, '--port', '0'], { cwd: project, env });
  assert.is(done.code, 3);
  assert.match(done.stderr, 'chmod 600');
});

test('a lent token and a link for the page do what they say', async () => {
  const root = join(temporary('service'), 'runs');
  const service = await startService(['--root', root], { cwd: project, env });
  try {
    const lent = (await tool('conductor', ['token', '--scope', 'read', '--root', root], { env })).stdout.trim();
    assert.is((await fetch(`${service.url}/api/v1/status`, bearer(lent))).status, 200);
    assert.is((await fetch(`${service.url}/api/v1/pause`, { method: 'POST', ...bearer(lent) })).status, 403);
    const link = (await tool('conductor', ['ui', '--root', root], { env })).stdout.trim();
    assert.match(await (await fetch(service.url)).text(), 'Conductor Loop');
    const [address, code] = link.split('#code=');
    assert.is(address, `${service.url}/`);
    const login = await fetch(`${service.url}/api/v1/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ code }),
    });
    assert.is(login.status, 200);
    assert.match(login.headers.get('set-cookie') ?? '', /HttpOnly/);
  } finally {
    await service.stop();
  }
  const away = await tool('conductor', ['ui', '--root', root], { env });
  assert.is(away.code, 1);
  assert.match(away.stderr, 'conductor serve');
});

test('a socket of the file system serves the same, and one whose service was killed is not in the way', async () => {
  const root = join(temporary('service'), 'runs');
  const path = join(temporaryForSockets(), 'conductor.sock');
  const args = ['--root', root, '--unix-socket', path];
  const first = await startService(args, { cwd: project, env });
  first.process.kill('SIGKILL');
  await new Promise((resolve) => first.process.on('exit', resolve));
  const service = await startService(args, { cwd: project, env });
  try {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      request({ socketPath: path, path: '/api/v1/status', ...bearer(service.token) }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      })
        .on('error', reject)
        .end();
    });
    assert.is(status, 200);
    const link = await tool('conductor', ['ui', '--root', root], { env });
    assert.match(link.stdout, '#code=');
  } finally {
    assert.is(await service.stop(), 0);
  }
});

test('an agent without a shell speaks as its run: over HTTP by its ticket, and over standard input and output', async () => {
  const folder = temporary('agent');
  const root = join(folder, 'runs');
  // An agent program that looks at what it was given, as claude would.
  writeFileSync(
    join(folder, 'claude'),
    `#!${process.execPath}
const at = process.argv.indexOf('--mcp-config');
const { mcpServers: { conductor } } = JSON.parse(process.argv[at + 1]);
const authorization = conductor.headers.Authorization.replace('\${CONDUCTOR_TICKET}', process.env.CONDUCTOR_TICKET);
const headers = { authorization, 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
const params = { name: 'post_message', arguments: { type: 'SEEN', body: process.argv.join(' ') } };
const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
const answer = await fetch(conductor.url, { method: 'POST', headers, body });
console.log(JSON.stringify({ type: 'result', subtype: 'success', is_error: !answer.ok, result: 'said' }));
`,
  );
  chmodSync(join(folder, 'claude'), 0o755);
  const own = { ...env, PATH: `${folder}:${env['PATH']}` };
  const service = await startService(['--root', root], { cwd: project, env: own });
  try {
    const words = ['task', '--agent', 'claude', '--prompt', 'look', '--root', root, '--task-id', 'looking'];
    const done = await tool('run-agent', words, { cwd: folder, env: own });
    assert.is(done.code, 0, done.stderr);
    const read = await tool('messagebus-tool', ['read', '--type', 'SEEN', '--json', '--root', root], { env });
    const seen = JSON.parse(read.stdout) as { task_id: string; run_id: string; source: string; body: string };
    assert.is(seen.task_id, 'looking');
    assert.is(seen.source, `run:${seen.run_id}`);
    assert.not.match(seen.body, /Bearer (?!\$)/);

    const client = new Client({ name: 'a test', version: '1' });
    await client.connect(
      new StdioClientTransport({ command: process.execPath, args: [command('conductor'), 'mcp', '--root', root], env }),
    );
    const posted = await client.callTool({ name: 'post_message', arguments: { type: 'SPOKEN', body: 'by pipe' } });
    assert.not.ok(posted.isError);
    await until('it is on the bus', async () =>
      (await tool('messagebus-tool', ['read', '--type', 'SPOKEN', '--root', root], { env })).stdout.includes('by pipe'),
    );
    const wrong = await client.callTool({ name: 'report_done', arguments: { summary: 'x' } });
    assert.ok(wrong.isError);
    await client.close();
  } finally {
    assert.is(await service.stop(), 0);
  }
});

test('a watcher hears everything that is said until the service has ended', async () => {
  const cwd = temporary('service');
  const service = await startService(['--root', 'runs'], { cwd, env });
  const socket = new WebSocket(`${service.url.replace('http', 'ws')}/ws?since=`, bearer(service.token));
  const heard: { msg_id: string; type: string }[] = [];
  socket.on('message', (text: Buffer) => heard.push((JSON.parse(text.toString()) as { data: (typeof heard)[0] }).data));
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  await tool('conductor', ['task', 'create', '--agent', 'shell', '--prompt', 'sleep 1'], { cwd, env });
  await until('the run has started', () => heard.some(({ type }) => type === 'RUN_START'));
  assert.is(await service.stop(), 0);
  assert.is(await closed, 1001);
  assert.ok(heard.some(({ type }) => type === 'HANDLER_FINISHED'));
  const { stdout } = await tool('messagebus-tool', ['read', '--json', '--root', 'runs'], { cwd, env });
  const said = stdout
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { msg_id: string }).msg_id);
  assert.equal(
    heard.map(({ msg_id }) => msg_id),
    said,
  );
});

test.run();
