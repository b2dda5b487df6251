import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createSessions } from '../../src/api/access/sessions.js';
import { deriveToken } from '../../src/api/access/derived-token.js';
import { findBreak } from '../../src/api/audit.js';
import { all, get, open, post, startRun, TOKEN, watch, type World } from './world.js';

const DOOR = { allowedHosts: ['conductor.example'], trustedProxies: ['127.0.0.0/8'] };
let world: World;
test.before.each(async () => {
  world = await open(DOOR);
});
/** In its place one whose limits see no time pass, however slow the machine is. */
const stillWorld = async (): Promise<void> => {
  await world.close();
  world = await open({ ...DOOR, limitsClock: { now: () => 0 } });
};
test.after.each(() => world.close());

const at = (path: string): string => `${world.url}/api/v1/${path}`;
const soon = (): number => Date.now() + 60_000;
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** By hand: fetch chooses Host, Origin and Cookie itself. */
const ask = (method: string, path: string, headers: Record<string, string>, body = '') =>
  new Promise<{ status: number; headers: Record<string, unknown>; body: string }>((resolve, reject) => {
    const asked = request(`${world.url}${path}`, { method, headers }, (answer) => {
      let text = '';
      answer
        .setEncoding('utf8')
        .on('data', (part: string) => (text += part))
        .on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }));
    });
    asked.on('upgrade', (answer, socket) => {
      socket.destroy();
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: '' });
    });
    asked.on('error', reject).end(body);
  });

const wrong: [string, Record<string, string | undefined>][] = [
  ['none', { authorization: undefined }],
  ['another', bearer(`ct_${'6'.repeat(64)}`)],
  ['a part of it', bearer(TOKEN.slice(0, -1))],
  ['empty', { authorization: 'Bearer ' }],
  ['as a user and password', { authorization: `Basic ${Buffer.from(`x:${TOKEN}`).toString('base64')}` }],
  ['a lent one whose time is over', bearer(deriveToken(TOKEN, 'admin', Date.now() - 1))],
  ['a lent one with more rights written on it', bearer(deriveToken(TOKEN, 'read', soon()).replace('read', 'admin'))],
  ['lent by another root', bearer(deriveToken('ct_other', 'read', soon()))],
  ['a ticket of nobody', bearer('default/task-1/run-1/AAAA')],
];
for (const [name, headers] of wrong) {
  test(`a token that is ${name} is a 401, and nothing is written`, async () => {
    const answer = await post(at('messages'), { type: 'A' }, headers);
    assert.is(answer.status, 401);
    assert.match(answer.headers.get('www-authenticate') ?? '', /Bearer/);
    assert.not.match(await answer.text(), TOKEN);
    assert.equal(await all(world.bus), []);
    assert.is((await get(at('nothing/here'), headers)).status, 401);
  });
}

test('health, ready, metrics and webhooks ask for no token', async () => {
  const nobody = { authorization: undefined };
  for (const path of ['/health', '/healthz', '/api/v1/health', '/api/v1/ready', '/metrics', '/api/v1/metrics'])
    assert.is((await get(`${world.url}${path}`, nobody)).status, 200, path);
  const unsigned = await post(`${world.url}/webhooks/github`, {}, nobody);
  assert.match(await unsigned.text(), /signature/);
  assert.match(await (await get(`${world.url}/metrics`)).text(), /conductor_active_runs 0/);
});

test('a lent token does what its scope says', async () => {
  const may = async (scope: 'read' | 'write' | 'admin') => {
    const headers = bearer(deriveToken(TOKEN, scope, soon()));
    return [
      (await get(at('status'), headers)).status,
      (await post(at('messages'), { type: 'A' }, headers)).status,
      (await post(at('pause'), {}, headers)).status,
    ];
  };
  assert.equal(await may('read'), [200, 403, 403]);
  assert.equal(await may('write'), [200, 202, 403]);
  assert.equal(await may('admin'), [200, 202, 202]);
});

test('a ticket speaks as its run, whatever the message says, and ends with the run', async () => {
  const run = await startRun(world, { project_id: 'acme', task_id: 'mine' });
  const headers = bearer(world.tickets.issue(run));
  const said = await post(
    at('messages'),
    { type: 'FOUND', project_id: 'other', task_id: 'theirs', run_id: 'another', source: 'cli', trust: 'full' },
    headers,
  );
  assert.is(said.status, 202);
  const event = (await all(world.bus)).at(-1);
  assert.equal(
    [event?.project_id, event?.task_id, event?.run_id, event?.source],
    ['acme', 'mine', run.run_id, `run:${run.run_id}`],
  );
  assert.is((await post(at('tasks'), { prompt: 'x' }, headers)).status, 403);
  assert.is((await post(at('approvals/decide'), { approval: 'a', decision: 'approve' }, headers)).status, 403);
  await run.stop();
  assert.is((await get(at('status'), headers)).status, 401);
});

test('a one-time code lets the page in once; its cookie is kept from scripts, and a foreign page cannot use it', async () => {
  const { code } = (await (await post(at('login-codes'), {})).json()) as { code: string };
  const { host } = new URL(world.url);
  const own = { host, origin: `http://${host}`, 'content-type': 'application/json' };
  const login = await ask('POST', '/api/v1/login', own, JSON.stringify({ code }));
  assert.is(login.status, 200);
  const [set = ''] = login.headers['set-cookie'] as string[];
  assert.match(set, /HttpOnly/);
  assert.match(set, /SameSite=Strict/);
  const cookie = set.split(';')[0] ?? '';
  assert.is((await ask('POST', '/api/v1/login', own, JSON.stringify({ code }))).status, 401);
  assert.is((await ask('GET', '/api/v1/status', { host, cookie })).status, 200);
  const message = JSON.stringify({ type: 'A' });
  assert.is((await ask('POST', '/api/v1/messages', { ...own, cookie }, message)).status, 202);
  // Without an Origin nobody knows which page it was.
  const json = { 'content-type': 'application/json' };
  assert.is((await ask('POST', '/api/v1/messages', { host, cookie, ...json }, message)).status, 403);
  assert.is((await ask('POST', '/api/v1/logout', { ...own, cookie })).status, 200);
  assert.is((await ask('GET', '/api/v1/status', { host, cookie })).status, 401);
});

test('behind TLS the cookie is for TLS alone', async () => {
  const { code } = (await (await post(at('login-codes'), {})).json()) as { code: string };
  const login = await ask(
    'POST',
    '/api/v1/login',
    {
      host: 'conductor.example',
      origin: 'https://conductor.example',
      'x-forwarded-proto': 'https',
      'content-type': 'application/json',
    },
    JSON.stringify({ code }),
  );
  assert.match(String(login.headers['set-cookie']), /Secure/);
});

test('a code lives a minute, a session half a day', () => {
  let now = 0;
  const sessions = createSessions({ now: () => now });
  const code = sessions.code('admin');
  now = 60_000;
  assert.throws(() => sessions.begin(code), /too old/);
  const { id } = sessions.begin(sessions.code('write'));
  assert.equal(sessions.find(id), { name: 'page', scope: 'write' });
  now += 12 * 3_600_000;
  assert.is(sessions.find(id), undefined);
});

const UPGRADE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};
const foreign: Record<string, string>[] = [
  { host: 'evil.example' },
  { host: 'evil.example:14355' },
  { host: '127.0.0.1.evil.example' },
  { host: 'localhost.evil.example' },
  { host: 'evil.example', 'x-forwarded-host': 'localhost' },
  { host: '0x7f000001' },
  { host: '169.254.169.254' },
  { host: '[::ffff:10.0.0.1]' },
  { origin: 'null' },
  { origin: 'http://evil.example' },
  { origin: 'https://localhost.evil.example' },
  { origin: 'http://localhost:1' },
  { origin: 'file://' },
  { origin: 'chrome-extension://abc' },
  { origin: 'HTTP://EVIL.EXAMPLE' },
  { 'sec-fetch-site': 'cross-site' },
  { 'sec-fetch-site': 'same-site' },
  { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
];
const ways: [string, string, Record<string, string>][] = [
  ['GET', '/api/v1/status', {}],
  ['GET', '/api/v1/messages/stream', {}],
  ['GET', '/', {}],
  ['POST', '/api/v1/messages', { 'content-type': 'application/json' }],
  ['POST', '/api/v1/messages', { 'content-type': 'text/plain' }],
  ['POST', '/api/v1/login', { 'content-type': 'application/json' }],
  ['POST', '/api/v1/mcp', { 'content-type': 'application/json' }],
  ['OPTIONS', '/api/v1/messages', { 'access-control-request-method': 'POST' }],
  ['DELETE', '/api/v1/runs/x', {}],
  ['GET', '/ws', UPGRADE],
];
test('no page of another site, name or origin gets anywhere: by HTTP, stream or socket, with a token or a cookie', async () => {
  const session = world.sessions.begin(world.sessions.code('admin')).id;
  const credentials: Record<string, string>[] = [{}, bearer(TOKEN), { cookie: `conductor_session=${session}` }];
  for (const headers of foreign) {
    for (const [method, path, more] of ways) {
      for (const credential of credentials) {
        const answer = await ask(
          method,
          path,
          { ...more, ...credential, ...headers },
          method === 'POST' ? '{"type":"A"}' : '',
        );
        const what = `${method} ${path} ${JSON.stringify({ ...credential, ...headers })}`;
        assert.is(answer.status, 403, what);
        assert.is(answer.headers['access-control-allow-origin'], undefined, what);
        assert.is(answer.headers['set-cookie'], undefined, what);
      }
    }
  }
  assert.equal(await all(world.bus), []);
  assert.is(world.hub.size, 0);
});

test('a socket asks for the same token, and takes the scope it has', async () => {
  assert.is((await ask('GET', '/ws', UPGRADE)).status, 401);
  assert.is((await ask('GET', '/ws', { ...UPGRADE, ...bearer('ct_x') })).status, 401);
  assert.is((await ask('GET', '/ws?token=x', UPGRADE)).status, 401);
  assert.is((await ask('GET', '/ws', { ...UPGRADE, ...bearer(TOKEN) })).status, 101);
  // What is written wrong would otherwise be a watcher of everything.
  for (const wrong of ['since_id=x', 'types=A', `type=${'A'.repeat(200)}`])
    assert.is((await ask('GET', `/ws?${wrong}`, { ...UPGRADE, ...bearer(TOKEN) })).status, 400, wrong);
  const reader = await watch(`${world.ws}/ws`, { headers: bearer(deriveToken(TOKEN, 'read', soon())) });
  reader.socket.send(JSON.stringify({ op: 'post', id: 1, message: { type: 'A' } }));
  await reader.until((frames) => frames.length > 0);
  assert.is(reader.frames[0]?.data.code, 'forbidden');
  assert.equal(await all(world.bus), []);
});

test('whoever guesses is slowed down, and the owner is not locked out', async () => {
  await stillWorld();
  const guess = async (n: number) => (await get(at('status'), bearer(`ct_${n}`))).status;
  const answers: number[] = [];
  for (let n = 0; n < 20; n++) answers.push(await guess(n));
  assert.equal(answers.slice(0, 10), Array<number>(10).fill(401));
  assert.equal(answers.slice(10), Array<number>(10).fill(429));
  const { headers } = await get(at('status'), bearer('ct_more'));
  assert.ok(Number(headers.get('retry-after')) > 0);
  assert.is((await get(at('status'))).status, 200);
});

test('the configured rate holds for whoever has no credential, a lent token, the page and a run, but not for the owner', async () => {
  const slow = await open({ rates: { anyone: 0.2, token: 0.3, run: 0.1 }, limitsClock: { now: () => 0 } });
  try {
    const run = await startRun(slow);
    const ask = (path: string, authorization: string | undefined) => get(`${slow.url}${path}`, { authorization });
    const allowed = async (path: string, authorization: string | undefined): Promise<number> => {
      for (let n = 0; ; n++) if ((await ask(path, authorization)).status === 429) return n;
    };
    assert.is(await allowed('/', undefined), 2);
    assert.is(await allowed('/api/v1/status', `Bearer ${deriveToken(TOKEN, 'read', Date.now() + 60_000)}`), 3);
    assert.is(await allowed('/api/v1/status', `Bearer ${slow.tickets.issue(run)}`), 1);
    const refused = await ask('/', undefined);
    assert.ok(Number(refused.headers.get('retry-after')) >= 1);
    for (let n = 0; n < 20; n++) assert.is((await ask('/api/v1/status', `Bearer ${TOKEN}`)).status, 200);
    for (let n = 0; n < 20; n++) assert.is((await ask('/api/v1/health', undefined)).status, 200);
  } finally {
    await slow.close();
  }
});

test('a client behind a trusted proxy is counted by its own address', async () => {
  await stillWorld();
  const guess = (address: string) => get(at('status'), { ...bearer('ct_x'), 'x-forwarded-for': address });
  for (let n = 0; n < 11; n++) await guess('10.1.1.1');
  assert.is((await guess('10.1.1.1')).status, 429);
  assert.is((await guess('10.1.1.2')).status, 401);
  // What a client writes itself stands before what the proxy adds.
  assert.is((await guess('10.9.9.9, 10.1.1.1')).status, 429);
});

test('every answer forbids scripts of others, sniffing, framing and keeping', async () => {
  for (const path of ['/api/v1/status', '/nothing', '/api/v1/docs']) {
    const { headers } = await get(`${world.url}${path}`);
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/);
    assert.not.match(headers.get('content-security-policy') ?? '', /unsafe/);
    assert.is(headers.get('x-content-type-options'), 'nosniff');
    assert.is(headers.get('referrer-policy'), 'no-referrer');
    assert.match(headers.get('cache-control') ?? '', /no-store|private/);
  }
});

test('the audit has a line for each change and each refusal, and a changed line is found', async () => {
  await post(at('messages'), { type: 'A' }, { 'x-request-id': 'said' });
  await get(at('status'), bearer('ct_wrong'));
  await get(at('status'));
  await world.close();
  const file = join(world.root, 'audit.jsonl');
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(
    entries.map(({ caller, method, path, status, code }) => [caller, method, path, status, code]),
    [
      ['token', 'POST', '/api/v1/messages', 202, undefined],
      ['anyone', 'GET', '/api/v1/status', 401, 'unauthorized'],
    ],
  );
  assert.is(entries[0]?.['request_id'], 'said');
  assert.not.match(lines.join(), 'ct_');
  assert.is(await findBreak(file), undefined);
  writeFileSync(file, `${lines[0]?.replace('202', '403')}\n${lines[1]}\n`);
  assert.is(await findBreak(file), 2);
  world = await open();
});

test('while draining nothing new is taken, what runs may speak, and reading goes on', async () => {
  const run = await startRun(world);
  world.drain();
  const refused = await post(at('messages'), { type: 'A' });
  assert.is(refused.status, 503);
  assert.ok(refused.headers.get('retry-after'));
  assert.is((await get(at('ready'))).status, 503);
  assert.is((await get(at('health'))).status, 200);
  assert.is((await get(at('status'))).status, 200);
  assert.is((await post(at('messages'), { type: 'A' }, bearer(world.tickets.issue(run)))).status, 202);
});

test.run();
