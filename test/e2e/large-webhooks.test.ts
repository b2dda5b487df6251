import { createHmac } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanEnvironment, startService, temporary, until, type Service } from '../support/service.js';

const MIB = 1024 * 1024;
const SECRET = 'a secret for the tests';

let folder: string;
let service: Service;
test.before(async () => {
  folder = temporary('large-webhooks');
  mkdirSync(join(folder, 'rules'));
  writeFileSync(join(folder, 'secret'), SECRET, { mode: 0o600 });
  writeFileSync(
    join(folder, 'config.yaml'),
    'webhooks: { github: { secret_file: secret }, own: { secret_file: secret, provider: generic } }\n',
  );
  writeFileSync(join(folder, 'rules', 'none.yaml'), 'rules: [{ id: never, on: NEVER_SAID, do: review }]\n');
  service = await startService(['--root', join(folder, 'runs')], { cwd: folder, env: cleanEnvironment() });
});
test.after(async () => {
  await service.stop();
});

let count = 0;
type Answered = { status: number; text: string; msg_id?: string };
const deliver = async (name: string, body: string, headers: Record<string, string> = {}): Promise<Answered> => {
  const digest = createHmac('sha256', SECRET).update(body).digest('hex');
  const answer = await fetch(`${service.url}/webhooks/${name}`, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-github-delivery': `large-${++count}`,
      'x-hub-signature-256': `sha256=${digest}`,
      ...headers,
    },
  });
  const text = await answer.text();
  // On a machine that is busy the sender comes again.
  if (answer.status === 503) return deliver(name, body, headers);
  return { status: answer.status, text, ...(JSON.parse(text) as { msg_id?: string }) };
};
const small = JSON.stringify({ ref: 'refs/heads/main', after: 'b'.repeat(40), repository: { full_name: 'acme/app' } });
const pushWith = (more: string): string => `${small.slice(0, -1)},"more":${more}}`;

const entries = (count: number, of: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => of(n)).join(',');
/** As many as are read: what a parser takes longest for. */
const HOSTILE: Record<string, () => string> = {
  'a million keys': () => `{${entries(1_000_000, (n) => `"${n.toString(36)}":1`)}}`,
  'objects of one key each, none of them alike': () => `[${entries(900_000, (n) => `{"${n.toString(36)}":1}`)}]`,
  'brackets within brackets': () => '['.repeat(2_900_000) + ']'.repeat(2_900_000),
};
for (const [name, more] of Object.entries(HOSTILE))
  test(`${name}: taken, and small deliveries meanwhile`, async () => {
    const body = pushWith(more());
    let isOver = false;
    const large = deliver('github', body).finally(() => (isOver = true));
    while (!isOver) assert.is((await deliver('github', small)).status, 202);
    const { status, text } = await large;
    assert.is(status, 202, text);
    const record = readFileSync(join(folder, 'runs', 'MESSAGE-BUS.md'), 'utf8');
    assert.match(record, `"bytes":${Buffer.byteLength(body)}`);
  });

const TOO_MUCH: Record<string, () => [body: string, headers?: Record<string, string>]> = {
  'twelve million brackets': () => [pushWith('['.repeat(12.4 * MIB) + ']'.repeat(12.4 * MIB))],
  'twelve million numbers': () => [pushWith(`[${'1,'.repeat(12.4 * MIB)}1]`)],
  'four million objects': () => [pushWith(`[${'{"":1},'.repeat(3.5 * MIB)}1]`)],
  'a form of twelve million fields, behind a quotation mark': () => [
    `"${'&a'.repeat(12.4 * MIB)}`,
    { 'content-type': 'application/x-www-form-urlencoded' },
  ],
  'a form with such a payload': () => [
    `payload=${'['.repeat(24 * MIB)}`,
    { 'content-type': 'application/x-www-form-urlencoded' },
  ],
};
for (const [name, make] of Object.entries(TOO_MUCH))
  test(`${name}: a 413 that says why, and the service goes on`, async () => {
    const { status, text } = await deliver('github', ...make());
    assert.is(status, 413, text);
    assert.match(text, 'more than 3000000 values');
    assert.is((await deliver('github', small)).status, 202);
  });

test('text full of brackets, quotation marks and backslashes is no value, whatever its length', async () => {
  const text = '[{,:\\"\\\\'.repeat(3 * MIB);
  const { status, text: answer } = await deliver('github', pushWith(`"${text}"`));
  assert.is(status, 202, answer);
});

test('a large body is verified first, is refused for the same reasons as a small one, and leaves nothing behind', async () => {
  const blobs = (): number => readdirSync(join(folder, 'runs', '.conductor', 'blobs')).length;
  const before = blobs();
  const filled = ' '.repeat(MIB);
  const wrong = { 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` };
  const status = async (...given: Parameters<typeof deliver>): Promise<number> => (await deliver(...given)).status;
  assert.is(await status('github', `{"ref":${filled}`, wrong), 401);
  assert.is(await status('github', filled + small, { 'x-hub-signature-256': '' }), 401);
  assert.is(await status('github', `{"ref":${filled}`), 400);
  assert.is(await status('github', `[${filled}]`), 400);
  assert.is(await status('own', `{"type":"RUN_STOP"${filled}}`), 403);
  assert.is(await status('own', `{"type":"A","data":{"a":${'['.repeat(MIB)}${']'.repeat(MIB)}}}`), 400);
  const ignored = await deliver('github', small + filled, { 'x-github-event': 'ping' });
  assert.match(ignored.text, 'nothing here answers to this \\"ping\\" delivery');
  assert.is(blobs(), before);
});

test('a sender of one’s own has its short fields on the bus, and a repetition is told once', async () => {
  const body = JSON.stringify({ type: 'BUILT', data: { sha: 'abc', log: 'x'.repeat(MIB) } });
  const [one, other] = [
    await deliver('own', body, { 'x-delivery-id': 'same' }),
    await deliver('own', body, { 'x-delivery-id': 'same' }),
  ];
  assert.is(one?.status, 202);
  assert.is(one?.msg_id, other?.msg_id);
  const line = await until('it is on the bus', () =>
    readFileSync(join(folder, 'runs', 'MESSAGE-BUS.md'), 'utf8')
      .split('\n')
      .find((text) => text.includes('"sha":"abc"')),
  );
  assert.match(line, `"bytes":${body.length}`);
  assert.ok(line.length < 4_000);
});

test.run();
