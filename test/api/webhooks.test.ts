import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openMemoryBus } from '../../src/bus/memory-bus.js';
import { ConductorError } from '../../src/core/errors.js';
import { all, clock, open, post, sign, type World } from './world.js';

let world: World;
test.before.each(async () => {
  world = await open();
});
test.after.each(() => world.close());

const push = JSON.stringify({
  ref: 'refs/heads/main',
  before: 'a'.repeat(40),
  after: 'b'.repeat(40),
  repository: { full_name: 'acme/app' },
  pusher: { name: 'ann' },
  sender: { login: 'ann' },
  commits: [{ id: 'b'.repeat(40), message: 'Grüße 🎉', author: { username: 'ann' } }],
});

let count = 0;
const deliver = (body: string, headers: Record<string, string> = {}, path = '/webhooks/github', to = world) =>
  post(`${to.url}${path}`, body, {
    'x-github-event': 'push',
    'x-github-delivery': `d-${++count}`,
    'x-hub-signature-256': sign(body),
    ...headers,
  });

test('a push is CODE_PUSHED, durable before it is acknowledged, on both paths', async () => {
  for (const path of ['/webhooks/github', '/api/v1/webhooks/github']) {
    const answer = await deliver(push, {}, path);
    assert.is(answer.status, 202);
    const { msg_id } = (await answer.json()) as { msg_id: string };
    const event = (await all(world.bus)).at(-1);
    assert.is(event?.msg_id, msg_id);
    assert.is(event?.type, 'CODE_PUSHED');
    assert.is(event?.trust, 'outside');
    assert.is(event?.actor, 'ann');
    assert.is(event?.data['branch'], 'main');
  }
});

test('a delivery repeated at once and later is told once', async () => {
  const answers = await Promise.all(Array.from({ length: 10 }, () => deliver(push, { 'x-github-delivery': 'same' })));
  const told = (await Promise.all(answers.map((answer) => answer.json()))) as { msg_id: string; duplicate: boolean }[];
  assert.is(new Set(told.map(({ msg_id }) => msg_id)).size, 1);
  assert.is(told.filter(({ duplicate }) => !duplicate).length, 1);
  assert.is((await all(world.bus)).length, 1);
});

const unsigned: [string, string | undefined][] = [
  ['none', undefined],
  ['empty', ''],
  ['another key', sign(push, 'other')],
  ['an empty key', 'sha256='],
  ['of another body', sign(`${push} `)],
  ['too short', sign(push).slice(0, -2)],
  ['too long', `${sign(push)}00`],
  ['without its scheme', sign(push).slice(7)],
  ['twice', `${sign(push)}, ${sign(push)}`],
];
for (const [name, signature] of unsigned) {
  test(`a signature that is ${name} is a 401 and writes nothing`, async () => {
    const answer = await post(`${world.url}/webhooks/github`, push, {
      'x-github-event': 'push',
      'x-github-delivery': 'd',
      ...(signature === undefined ? {} : { 'x-hub-signature-256': signature }),
    });
    assert.is(answer.status, 401);
    assert.not.match(await answer.text(), /[0-9a-f]{64}/);
    assert.equal(await all(world.bus), []);
  });
}

test('malformed JSON is a 400 only when it is signed', async () => {
  assert.is((await deliver('{"ref":')).status, 400);
  assert.is((await deliver('{"ref":', { 'x-hub-signature-256': sign('x') })).status, 401);
  assert.is((await deliver('[]')).status, 400);
  assert.is((await deliver(push, { 'content-type': 'application/x-www-form-urlencoded' })).status, 415);
  assert.is((await deliver(push, { 'x-github-delivery': 'x'.repeat(201) })).status, 400);
});

test('1 MiB is taken and a byte more is a 413', async () => {
  const filled = (bytes: number): string => `${push}${' '.repeat(bytes - Buffer.byteLength(push))}`;
  assert.is((await deliver(filled(1024 * 1024))).status, 202);
  assert.is((await deliver(filled(1024 * 1024 + 1))).status, 413);
});

test('a body over 1 MiB that does not say its length is a 413', async () => {
  const part = new Uint8Array(64 * 1024);
  let left = 40;
  const stream = new ReadableStream({
    pull: (controller) => (left-- > 0 ? controller.enqueue(part) : controller.close()),
  });
  const answer = await fetch(`${world.url}/webhooks/github`, {
    method: 'POST',
    body: stream,
    duplex: 'half',
  });
  assert.is(answer.status, 413);
});

test('an event that nothing answers to is acknowledged and not told', async () => {
  const ping = await deliver('{"zen":"x"}', { 'x-github-event': 'ping' });
  assert.is(ping.status, 202);
  assert.match(((await ping.json()) as { ignored: string }).ignored, /ping/);
  assert.is((await deliver('{"action":"closed"}', { 'x-github-event': 'pull_request' })).status, 202);
  assert.is((await deliver('{}', { 'x-github-event': 'constructor' })).status, 202);
  assert.equal(await all(world.bus), []);
});

test('an unknown webhook is a 404', async () => {
  assert.is((await deliver(push, {}, '/webhooks/gitlab')).status, 404);
  assert.is((await deliver(push, {}, '/webhooks/constructor')).status, 404);
});

test('what is not durable is a 503 that says when to come back', async () => {
  const away = await open({ takeWebhooks: false });
  const bus = openMemoryBus({ clock });
  const full = await open({
    bus: { ...bus, append: () => Promise.reject(Object.assign(new Error('no space'), { code: 'ENOSPC' })) },
  });
  const closed = await open({
    bus: { ...bus, append: () => Promise.reject(new ConductorError('stopped', 'the bus is closed')) },
  });
  for (const one of [away, full, closed]) {
    const answer = await deliver(push, {}, '/webhooks/github', one);
    assert.is(answer.status, 503);
    assert.ok(answer.headers.get('retry-after'));
    await one.close();
  }
});

test("a sender of one's own says type and data", async () => {
  const own = (body: unknown, headers: Record<string, string> = {}) => {
    const text = JSON.stringify(body);
    return post(`${world.url}/webhooks/own`, text, { 'x-signature-256': sign(text), ...headers });
  };
  assert.is((await own({ type: 'deploy-requested', data: { to: 'prod' } }, { 'x-delivery-id': '7' })).status, 202);
  const [event] = await all(world.bus);
  assert.is(event?.type, 'DEPLOY_REQUESTED');
  assert.is(event?.dedupe_key, 'webhook:own:7');
  assert.is(event?.trust, 'outside');
  assert.equal(event?.data, { to: 'prod' });
  assert.is((await own({ type: 'RUN_STOP' })).status, 403);
  assert.is((await own({ data: {} })).status, 400);
  assert.is((await own({ type: 'A', data: 3 })).status, 400);
});

test.run();
