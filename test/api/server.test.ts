import { request } from 'node:http';
import { connect } from 'node:net';
import Koa from 'koa';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ConductorError } from '../../src/core/errors.js';
import { openMemoryBus } from '../../src/bus/memory-bus.js';
import { listen } from '../../src/api/server.js';
import { clock, get, open, post, signedIn, type World } from './world.js';

let world: World;
test.before.each(async () => {
  world = await open({ allowedHosts: ['conductor.example'] });
});
test.after.each(() => world.close());

/** fetch chooses Host and Origin itself, so these go by hand. */
const ask = (path: string, headers: Record<string, string>, method = 'GET') =>
  new Promise<{ status: number; body: string }>((resolve, reject) => {
    const asked = request(`${world.url}${path}`, { method, headers: { ...signedIn(), ...headers } }, (answer) => {
      let body = '';
      answer
        .setEncoding('utf8')
        .on('data', (part: string) => (body += part))
        .on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
    });
    asked.on('error', reject).end();
  });

const codeOf = (body: string): string => (JSON.parse(body) as { error: { code: string } }).error.code;

test('health answers anyone but a page of another site', async () => {
  const answer = await ask('/api/v1/health', { host: 'balancer.internal' });
  assert.is(answer.status, 200);
  assert.is((JSON.parse(answer.body) as { status: string }).status, 'ok');
  assert.is((await ask('/api/v1/health', { origin: 'http://evil.example' })).status, 403);
  assert.is((await ask('/api/v1/health', { 'sec-fetch-site': 'cross-site' })).status, 403);
});

test('Host and Origin are looked at before the route', async () => {
  for (const path of ['/api/v1/status', '/nothing/here', '/webhooks/github']) {
    assert.is((await ask(path, { host: 'evil.example' })).status, 403);
    assert.is((await ask(path, { origin: 'http://localhost:3000' })).status, 403);
    assert.is((await ask(path, { origin: 'null' })).status, 403);
  }
  const host = new URL(world.url).host;
  assert.is((await ask('/api/v1/status', { origin: `http://${host}`, 'sec-fetch-site': 'same-origin' })).status, 200);
  assert.is(
    (await ask('/api/v1/status', { host: 'conductor.example', origin: 'https://conductor.example' })).status,
    200,
  );
  assert.is((await ask('/api/v1/status', { host: 'localhost:14355' })).status, 200);
});

test('what is no request, or has too many headers, is answered in the one form', async () => {
  const large = await ask('/api/v1/status', { 'x-large': 'a'.repeat(20_000) });
  assert.equal([large.status, codeOf(large.body)], [431, 'too_large']);
  const answer = await new Promise<string>((resolve, reject) => {
    let text = '';
    const socket = connect(world.server.port, '127.0.0.1', () => socket.write('HELLO\r\n\r\n'));
    socket.setEncoding('utf8').on('data', (part: string) => (text += part));
    socket.on('error', reject).on('close', () => resolve(text));
  });
  assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/);
  assert.is(codeOf(answer.slice(answer.indexOf('\r\n\r\n'))), 'bad_request');
});

test('a foreign Host or Origin gets no socket, and a wrong path is not found', async () => {
  const upgrade = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  };
  assert.is((await ask('/ws', { ...upgrade, origin: 'http://evil.example' })).status, 403);
  assert.is((await ask('/ws', { ...upgrade, host: 'evil.example' })).status, 403);
  const { status, body } = await ask('/socket', upgrade);
  assert.is(status, 404);
  assert.is((JSON.parse(body) as { error: { code: string } }).error.code, 'not_found');
  assert.is(world.hub.size, 0);
});

test('one form of error for what is not there', async () => {
  const missing = await ask('/api/v1/nothing', {});
  assert.is(missing.status, 404);
  assert.is((JSON.parse(missing.body) as { error: { code: string } }).error.code, 'not_found');
  const wrong = await ask('/api/v1/messages', {}, 'DELETE');
  assert.is(wrong.status, 405);
  assert.is((JSON.parse(wrong.body) as { error: { code: string } }).error.code, 'method_not_allowed');
});

test('the request id of the caller comes back, one that is none does not', async () => {
  const id = async (given: string) =>
    (await get(`${world.url}/api/v1/version`, { 'x-request-id': given })).headers.get('x-request-id');
  assert.is(await id('call-17'), 'call-17');
  assert.is.not(await id('a b'), 'a b');
});

test('what goes wrong inside is logged and not told', async () => {
  const bus = openMemoryBus({ clock });
  const broken = await open({ bus: { ...bus, append: () => Promise.reject(new Error('/secret/path')) } });
  const answer = await post(`${broken.url}/api/v1/messages`, { type: 'A' }, { 'x-request-id': 'find-me' });
  assert.is(answer.status, 500);
  assert.not.match(await answer.text(), /secret/);
  const line = broken.lines.find(({ level }) => level === 'error');
  assert.is(line?.fields?.['request_id'], 'find-me');
  await broken.close();
});

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

test('a taken port names its owner, and an address that is not ours is a clear error', async () => {
  const door = { hub: world.hub, app: new Koa() } as unknown as Parameters<typeof listen>[0];
  const taken = await rejection(listen({ ...door, port: world.server.port }));
  assert.instance(taken, ConductorError);
  assert.is((taken as ConductorError).code, 'port_in_use');
  assert.match((taken as ConductorError).message, new RegExp(`${world.server.port}.*process ${process.pid}`));
  const wide = await rejection(listen({ ...door, host: '203.0.113.7', port: 0 }));
  assert.is((wide as ConductorError).code, 'configuration');
});

test('draining finishes what was begun and takes nothing new', async () => {
  let finish = (): void => undefined;
  let begun = (): void => undefined;
  const entered = new Promise<void>((resolve) => (begun = resolve));
  const bus = openMemoryBus({ clock });
  const slow = await open({
    bus: {
      ...bus,
      append: async (drafts) => {
        begun();
        await new Promise<void>((resolve) => (finish = resolve));
        return bus.append(drafts);
      },
    },
  });
  const asked = post(`${slow.url}/api/v1/messages`, { type: 'A' }, { connection: 'close' });
  await entered;
  const drained = slow.server.drain();
  const refused = await rejection(
    new Promise<void>((resolve, reject) => {
      const socket = connect(slow.server.port, '127.0.0.1', () => {
        socket.destroy();
        resolve();
      });
      socket.on('error', reject);
    }),
  );
  assert.is((refused as NodeJS.ErrnoException).code, 'ECONNREFUSED');
  finish();
  assert.is((await asked).status, 202);
  await drained;
  await slow.close();
});

test.run();
