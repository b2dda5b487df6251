import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openMemoryBus } from '../../src/bus/memory-bus.js';
import { ConductorError } from '../../src/core/errors.js';
import { slack } from '../../src/sources/verifiers/slack.js';
import { stripe } from '../../src/sources/verifiers/stripe.js';
import type { Verifier } from '../../src/sources/verifiers/verifier.js';
import { until } from '../support/service.js';
import { all, clock, OLD_SECRET, open, post, SECRET, sign, type World } from './world.js';

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
    authorization: undefined,
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
  const cut = Buffer.from(push).subarray(0, Buffer.from(push).indexOf('🎉') + 2);
  const answer = await fetch(`${world.url}/webhooks/github`, {
    method: 'POST',
    body: cut,
    headers: { 'x-github-event': 'push', 'x-github-delivery': 'cut', 'x-hub-signature-256': sign(cut) },
  });
  assert.is(answer.status, 400);
  assert.match(await answer.text(), /UTF-8/);
  assert.is((await deliver(push, { 'x-github-delivery': 'x'.repeat(201) })).status, 400);
});

const MIB = 1024 * 1024;
const filled = (bytes: number): string => `${push}${' '.repeat(bytes - Buffer.byteLength(push))}`;

test('25 MiB are taken, with the mapped fields on the bus and the bytes beside it; a byte more is a 413', async () => {
  const most = filled(25 * MIB);
  assert.is((await deliver(most)).status, 202);
  const [event] = await all(world.bus);
  assert.is(event?.data['branch'], 'main');
  const { sha256, bytes } = event?.data['payload'] as { sha256: string; bytes: number };
  assert.is(bytes, most.length - push.length + Buffer.byteLength(push));
  assert.is(sha256, createHash('sha256').update(most).digest('hex'));
  assert.equal(await world.blobs.get(sha256), Buffer.from(most));
  assert.is((await deliver(filled(25 * MIB + 1))).status, 413);
});

test('a large body is durable before the message that names it; where it cannot be kept it is a 503', async () => {
  const full = await open({
    blobs: {
      put: () => Promise.reject(new ConductorError('storage', 'no space')),
      get: () => Promise.resolve(undefined),
    },
  });
  assert.is((await deliver(filled(40_000), {}, '/webhooks/github', full)).status, 503);
  assert.equal(await all(full.bus), []);
  assert.is((await deliver(push, {}, '/webhooks/github', full)).status, 202);
  await full.close();
});

test('a body over 25 MiB that does not say its length is a 413', async () => {
  const part = new Uint8Array(512 * 1024);
  let left = 60;
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

for (const bytes of [100, 70_000, 3 * MIB])
  test(`${bytes} bytes that come a few at a time, without their length and with it, are the same bytes`, async () => {
    const { port } = new URL(world.url);
    const body = Buffer.from(filled(Math.max(bytes, Buffer.byteLength(push))));
    const step = Math.ceil(body.length / 20_000);
    const parts = Array.from({ length: Math.ceil(body.length / step) }, (_, n) =>
      body.subarray(n * step, (n + 1) * step),
    );
    const chunked = parts.flatMap((part) => [`${part.length.toString(16)}\r\n`, part, '\r\n']);
    for (const [id, length, sent] of [
      ['chunked', 'Transfer-Encoding: chunked', [...chunked, '0\r\n\r\n']],
      ['whole', `Content-Length: ${body.length}`, parts],
    ] as const) {
      const socket = connect(Number(port), '127.0.0.1').setNoDelay(true);
      socket.write(
        `POST /webhooks/github HTTP/1.1\r\nHost: 127.0.0.1\r\nX-GitHub-Event: push\r\nX-GitHub-Delivery: ${id}\r\nX-Hub-Signature-256: ${sign(body)}\r\n${length}\r\n\r\n`,
      );
      for (const part of sent) socket.write(part);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      assert.match(answer.toString(), 'HTTP/1.1 202');
      socket.destroy();
    }
    const events = await all(world.bus);
    assert.is(events.length, 2);
    for (const { data } of events) {
      assert.is(data['branch'], 'main');
      const kept = data['payload'] as { sha256: string } | undefined;
      if (bytes > 32 * 1024) assert.equal(await world.blobs.get(kept!.sha256), body);
    }
  });

test('senders who show no signature fill no more than 256 MiB; small bodies come through, and all is as before once they are gone', async () => {
  const { port } = new URL(world.url);
  const part = Buffer.alloc(24 * MIB, ' ');
  const held = new Set<Socket>();
  const hold = (): void => {
    const socket = connect(Number(port), '127.0.0.1');
    held.add(socket);
    socket.write(`POST /webhooks/github HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${25 * MIB}\r\n\r\n`);
    socket.write(part);
    // One that was refused, since another was on its way just then, comes again.
    socket.once('data', () => {
      held.delete(socket);
      socket.destroy();
      hold();
    });
  };
  for (let n = 0; n < 10; n++) hold();
  const large = filled(24 * MIB);
  const refused = await until('there is no more room', async () => {
    const answer = await deliver(large);
    return answer.status === 202 ? undefined : answer;
  });
  assert.is(refused.status, 503);
  assert.ok(refused.headers.get('retry-after'));
  assert.is((await deliver(push)).status, 202);
  for (const socket of held) socket.destroy();
  await until('there is room again', async () => ((await deliver(large)).status === 202 ? true : undefined));
});

test('a form with the payload in it, as GitHub sends unless told otherwise', async () => {
  const form = new URLSearchParams({ payload: push }).toString();
  const answer = await deliver(form, { 'content-type': 'application/x-www-form-urlencoded' });
  assert.is(answer.status, 202);
  const [event] = await all(world.bus);
  assert.is(event?.data['branch'], 'main');
  assert.is((event?.data['commits'] as { message: string }[])[0]?.message, 'Grüße 🎉');
});

test('who is behind it is told apart: a person, a bot, machinery', async () => {
  const kinds = async (): Promise<unknown[]> => (await all(world.bus)).map(({ meta }) => meta?.['actor_kind']);
  await deliver(push);
  await deliver(JSON.stringify({ ...(JSON.parse(push) as object), sender: { login: 'renovate[bot]', type: 'Bot' } }));
  const check_run = { conclusion: 'failure', name: 'unit' };
  const failed = JSON.stringify({ action: 'completed', check_run, sender: { login: 'ci[bot]', type: 'Bot' } });
  await deliver(failed, { 'x-github-event': 'check_run' });
  assert.equal(await kinds(), ['person', 'bot', 'system']);
});

test('while a secret is exchanged both are good', async () => {
  const text = JSON.stringify({ type: 'DEPLOY_WANTED' });
  for (const [secret, status] of [
    [SECRET, 202],
    [OLD_SECRET, 202],
    ['neither', 401],
  ] as const) {
    const answer = await post(`${world.url}/webhooks/own`, text, { 'x-signature-256': sign(text, secret) });
    assert.is(answer.status, status);
  }
});

const signedNow = (verifier: Verifier, text: string, seconds = 0): Record<string, string> =>
  verifier.sign(Buffer.from(text), SECRET, { now: Date.now() - seconds * 1_000, id: 'one' });

test('Slack asks whether we are here and is answered; what was signed too long ago is not heard', async () => {
  const asked = JSON.stringify({ type: 'url_verification', challenge: 'abc' });
  const answer = await post(`${world.url}/webhooks/slack`, asked, signedNow(slack, asked));
  assert.is(answer.status, 200);
  assert.equal(await answer.json(), { challenge: 'abc' });
  const stale = await post(`${world.url}/webhooks/slack`, asked, signedNow(slack, asked, 400));
  assert.is(stale.status, 401);
  assert.match(await stale.text(), /clock/);
  assert.equal(await all(world.bus), []);
});

test('an event sent twice by Stripe under two signatures is told once', async () => {
  const paid = JSON.stringify({ id: 'evt_1', type: 'invoice.paid', data: { object: { id: 'in_1' } } });
  const first = await post(`${world.url}/webhooks/stripe`, paid, signedNow(stripe, paid, 60));
  const second = await post(`${world.url}/webhooks/stripe`, paid, signedNow(stripe, paid));
  const told = [await first.json(), await second.json()] as { msg_id: string; duplicate: boolean }[];
  assert.is(told[0]?.msg_id, told[1]?.msg_id);
  assert.equal(
    told.map(({ duplicate }) => duplicate),
    [false, true],
  );
  assert.is((await all(world.bus))[0]?.type, 'STRIPE_INVOICE_PAID');
});

test('one delivery with several branches is one event each, appended together', async () => {
  const change = (name: string) => ({ new: { name, type: 'branch', target: { hash: name.repeat(4) } } });
  const text = JSON.stringify({
    actor: { nickname: 'ann' },
    repository: { full_name: 'acme/app' },
    push: { changes: [change('main'), { new: null, old: change('gone').new }, change('next')] },
  });
  const headers = { 'x-event-key': 'repo:push', 'x-request-uuid': 'u1', 'x-hub-signature': sign(text) };
  for (const duplicate of [false, true]) {
    const answer = await post(`${world.url}/webhooks/bitbucket`, text, headers);
    assert.is(((await answer.json()) as { duplicate: boolean }).duplicate, duplicate);
  }
  const events = await all(world.bus);
  assert.equal(
    events.map(({ data }) => data['branch']),
    ['main', 'next'],
  );
  assert.is(events[0]?.actor, 'ann');
});

test('an event that nothing answers to is acknowledged and not told', async () => {
  const ping = await deliver('{"zen":"x"}', { 'x-github-event': 'ping' });
  assert.is(ping.status, 202);
  assert.match(((await ping.json()) as { ignored: string }).ignored, /ping/);
  assert.is((await deliver('{"action":"assigned"}', { 'x-github-event': 'pull_request' })).status, 202);
  assert.is((await deliver('{}', { 'x-github-event': 'constructor' })).status, 202);
  // Written otherwise, it is the same webhook.
  assert.is((await deliver('{}', { 'x-github-event': 'ping' }, '/webhooks/gith%75b')).status, 202);
  assert.equal(await all(world.bus), []);
  assert.is((await deliver(push)).status, 202);
  assert.is((await deliver('{}', { 'x-hub-signature-256': 'sha256=0' })).status, 401);
  const counted = await (await fetch(`${world.url}/metrics`)).text();
  assert.match(counted, 'conductor_webhook_deliveries_ignored_total{webhook="github"} 4\n');
});

test('an unknown webhook is a 404', async () => {
  assert.is((await deliver(push, {}, '/webhooks/nobody')).status, 404);
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
  const deep = `{"type":"A","data":{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}}`;
  const nested = await post(`${world.url}/webhooks/own`, deep, { 'x-signature-256': sign(deep) });
  assert.is(nested.status, 400);
  assert.match(await nested.text(), /nested/);
});

test('what a sender writes steers no terminal, hides nothing from grep, and is not cut in the middle of a character', async () => {
  const own = async (body: string): Promise<number> =>
    (await post(`${world.url}/webhooks/own`, body, { 'x-signature-256': sign(body) })).status;
  const steering = 'a\u0000b\u001b[2J\u009b1m\r\nc\rd\te';
  assert.is(await own(JSON.stringify({ type: 'A', body: steering, data: { text: steering } })), 202);
  assert.is(await own(JSON.stringify({ type: 'A', body: `${'x'.repeat(63_999)}🎉` })), 202);
  const title = `${'x'.repeat(999)}🎉`;
  const issue = JSON.stringify({ action: 'opened', issue: { number: 1, title }, sender: { login: 'ann' } });
  assert.is((await deliver(issue, { 'x-github-event': 'issues' })).status, 202);
  const [steered, long, opened] = await all(world.bus);
  assert.is(steered?.body, 'a\ufffdb\ufffd[2J\ufffd1m\r\nc\ufffdd\te');
  assert.is(steered?.data['text'], steering);
  assert.is(long?.body, 'x'.repeat(63_999));
  assert.is(opened?.data['title'], 'x'.repeat(999));
});

test('a CloudEvent is taken whole or not at all, in both modes, and a batch is named as what is not taken', async () => {
  const own = async (body: string, headers: Record<string, string>): Promise<[number, string]> => {
    const answer = await post(`${world.url}/webhooks/own`, body, { 'x-signature-256': sign(body), ...headers });
    return [answer.status, await answer.text()];
  };
  const structured = { 'content-type': 'application/cloudevents+json' };
  const whole = { specversion: '1.0', id: '1', source: '/ci', type: 'job.ended', subject: 'job 7', data: [1] };
  const binary = { 'ce-specversion': '1.0', 'ce-id': '2', 'ce-source': '/ci', 'ce-type': 'job.ended' };
  const [status, text] = await own(JSON.stringify({ ...whole, id: undefined }), structured);
  assert.is(status, 400);
  assert.equal((JSON.parse(text) as { error: { details: unknown } }).error.details, { field: 'id' });
  assert.match(
    (await own('{}', { 'ce-id': '2', 'ce-source': '/ci', 'ce-type': 'a' }))[1],
    /ce-specversion: is missing/,
  );
  for (const body of ['[]', JSON.stringify([whole])])
    assert.is((await own(body, { 'content-type': 'application/cloudevents-batch+json' }))[0], 415);
  assert.is((await own('{}', { ...binary, 'x-signature-256': sign('x') }))[0], 401);
  assert.equal(await all(world.bus), []);

  assert.is((await own(JSON.stringify(whole), structured))[0], 202);
  assert.match((await own(JSON.stringify(whole), structured))[1], /"duplicate":true/);
  assert.is((await own('', binary))[0], 202);
  assert.is((await own('[2]', { ...binary, 'ce-id': '3' }))[0], 202);
  const told = await all(world.bus);
  assert.equal(
    told.map(({ data }) => data),
    [{ value: [1] }, {}, { value: [2] }],
  );
  assert.is(told[0]?.meta?.['subject'], 'job 7');
});

test('a delivery has the headers, the audit and the counts of every other request', async () => {
  const said = await deliver(push, { 'x-request-id': 'find-me' });
  assert.is(said.headers.get('x-request-id'), 'find-me');
  assert.is(said.headers.get('x-content-type-options'), 'nosniff');
  assert.match(said.headers.get('content-security-policy') ?? '', /default-src 'none'/);
  assert.match(said.headers.get('content-type') ?? '', /application\/json/);
  const wrong = await deliver(push, { 'x-hub-signature-256': 'sha256=0' }, '/api/v1/webhooks/github?x=1');
  assert.is(wrong.status, 401);
  assert.match(wrong.headers.get('www-authenticate') ?? '', /Bearer/);
  const counted = (await (await fetch(`${world.url}/metrics`)).text()).split('\n');
  for (const status of [202, 401])
    assert.ok(
      counted.includes(
        `conductor_http_requests_total{method="POST",route="/api/v1/webhooks/:name",status="${status}"} 1`,
      ),
    );
  const lines = await until('the audit is written', () => {
    const text = readFileSync(join(world.root, 'audit.jsonl'), 'utf8').trim().split('\n');
    return text.length === 2 ? text : undefined;
  });
  const [first, second] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal([first?.['request_id'], first?.['path'], first?.['status']], ['find-me', '/webhooks/github', 202]);
  assert.equal(
    [second?.['path'], second?.['status'], second?.['code']],
    ['/api/v1/webhooks/github', 401, 'unauthorized'],
  );
});

test('a page of another site cannot deliver, however well it signs', async () => {
  for (const [name, value] of [
    ['origin', 'https://evil.example'],
    ['sec-fetch-site', 'cross-site'],
  ] as const)
    assert.is((await deliver(push, { [name]: value })).status, 403);
  assert.equal(await all(world.bus), []);
});

test.run();
