import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { deliveryWorker } from '../../src/cli/package-folder.js';
import { clock } from '../../src/cli/system.js';
import { ConductorError } from '../../src/core/errors.js';
import type { Reading } from '../../src/sources/deliveries.js';
import { openLarge } from '../../src/sources/large.js';
import { openEndpoint } from '../../src/sources/read-delivery.js';
import { createWebhooks } from '../../src/sources/webhooks.js';
import { temporary, until } from '../support/service.js';

const MIB = 1024 * 1024;
const SECRET = 'a secret for the tests';
const config = { secrets: [SECRET] };
const known = openEndpoint('github', config);
const folder = temporary('large');

const headersFor = (rawBody: Buffer) => ({
  'x-github-event': 'push',
  'x-hub-signature-256': `sha256=${createHmac('sha256', SECRET).update(rawBody).digest('hex')}`,
});
const push = (): Buffer => Buffer.from(`{"ref":"refs/heads/main","after":"abc","more":"${'x'.repeat(MIB)}"}`);

type Large = ReturnType<typeof openLarge>;
const read = (large: Large, rawBody = push(), headers: Record<string, string> = headersFor(rawBody)) =>
  large.read(known, { headers, rawBody }, clock.now());
const refusal = async (reading: Promise<unknown>): Promise<ConductorError> => {
  const error = await reading.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.instance(error, ConductorError);
  return error as ConductorError;
};

/** A thread that does this with every order. */
const thread = (name: string, work: string): string => {
  const file = join(folder, `${name}.mjs`);
  const listen = `import { parentPort } from 'node:worker_threads';\nparentPort.on('message', (order) => { ${work} });`;
  writeFileSync(file, `${listen}\nparentPort.postMessage('ready');\n`);
  return file;
};
const keepNothing = () => Promise.reject(new Error('nothing is read'));
const stuck = thread('stuck', 'for (;;);');
const stopping = new ConductorError('unavailable', 'the conductor is stopping');

test('the body comes back whole with what was read of it, and counts until it is kept', async () => {
  let kept: Buffer | undefined;
  const storing: (() => void)[] = [];
  const keep = async ({ drafts }: Reading, rawBody: Buffer) => {
    kept = rawBody;
    await new Promise<void>((resolve) => storing.push(resolve));
    return drafts;
  };
  const large = openLarge(deliveryWorker, keep, 100_000);
  // Its bytes need not be the first of their buffer.
  const rawBody = Buffer.concat([Buffer.from('before'), push(), Buffer.from('after')]).subarray(6, -5);
  const first = read(large, rawBody);
  await until('it is being kept', () => storing.length === 1);
  assert.ok(kept?.equals(push()));
  const { message } = await refusal(read(large, Buffer.alloc(255.5 * MIB), { 'x-hub-signature-256': 'sha256=00' }));
  assert.match(message, 'too many large deliveries');
  storing[0]?.();
  const told = await first;
  assert.ok('drafts' in told);
  assert.is(told.drafts[0]?.data?.['branch'], 'main');
  large.close(stopping);
});

test('what is not read in time is a 503, and so is what waited for it', async () => {
  const large = openLarge(stuck, keepNothing, 1_000);
  for (const error of await Promise.all([refusal(read(large)), refusal(read(large))])) {
    assert.is(error.status, 503);
    assert.match(error.message, 'could not be read in time');
  }
  large.close(stopping);
});

test('a thread that dies, and a fault that is not the body’s, are a 503', async () => {
  const dies = thread('dies', 'process.exit(1);');
  const errs = thread(
    'errs',
    `parentPort.postMessage({ failure: { code: 'internal', message: 'a bug' } }); parentPort.postMessage('done');`,
  );
  for (const [file, why] of [
    [dies, 'the thread has ended'],
    [errs, 'a bug'],
  ] as const) {
    const large = openLarge(file, keepNothing);
    const { status, message } = await refusal(read(large));
    assert.is(status, 503);
    assert.match(message, why);
    large.close(stopping);
  }
});

test('who shows no signature waits for nobody, nor does who comes when there is no more room', async () => {
  const large = openLarge(stuck, keepNothing, 60_000);
  const body = (): Buffer => Buffer.alloc(25 * MIB);
  const headers = { 'x-hub-signature-256': 'sha256=00' };
  const waiting = Array.from({ length: 10 }, () => refusal(read(large, body(), headers)));
  assert.is((await refusal(read(large, body(), {}))).status, 401);
  const { status, message } = await refusal(read(large, body(), headers));
  assert.is(status, 503);
  assert.match(message, 'too many large deliveries');
  large.close(stopping);
  assert.equal(
    await Promise.all(waiting),
    Array.from(waiting, () => stopping),
  );
  // Whoever was told has left the room.
  const again = refusal(read(large, body(), headers));
  large.close(stopping);
  assert.is(await again, stopping);
});

test('the main loop goes on while a large body is read', async () => {
  let turns = 0;
  let turned = 0;
  const put = async (bytes: Uint8Array) => {
    turned = turns;
    return { sha256: 'abc', bytes: bytes.length };
  };
  const blobs = { put, get: () => Promise.resolve(undefined) };
  const webhooks = createWebhooks({ config: { github: config }, blobs, clock, worker: deliveryWorker });
  const taking = webhooks
    .open()
    .subscribe(({ settle }) => settle?.({ receipts: [{ msg_id: 'MSG', duplicate: false }] }));
  const keys = Array.from({ length: 1_000_000 }, (_, n) => `"${n}":1`).join(',');
  const body = `{"ref":"refs/heads/main","after":"abc","more":{${keys}}}`;
  await until('it is read in time', async () => {
    const rawBody = Buffer.from(body);
    const headers = headersFor(rawBody);
    turns = 0;
    const turning = setInterval(() => (turns += 1), 1);
    const answer = await webhooks.receive('github', headers, rawBody).catch(() => undefined);
    clearInterval(turning);
    return answer;
  });
  // Where it is read by the main loop itself, none.
  assert.ok(turned > 5, `the loop turned ${turned} times`);
  taking.unsubscribe();
});

test('whoever waits for the thread when webhooks are taken no more is told so at once', async () => {
  const blobs = { put: () => Promise.reject(new Error('nothing is kept')), get: () => Promise.resolve(undefined) };
  const webhooks = createWebhooks({ config: { github: config }, blobs, clock, worker: stuck });
  const stopped = async (): Promise<ConductorError> => {
    const taking = webhooks.open().subscribe();
    const rawBody = push();
    const answer = refusal(webhooks.receive('github', headersFor(rawBody), rawBody));
    await until('the thread has it', () => rawBody.length === 0 || undefined);
    taking.unsubscribe();
    return answer;
  };
  let error = await stopped();
  // A machine that stood still meanwhile was late.
  for (let turn = 0; turn < 3 && error.message.includes('in time'); turn += 1) error = await stopped();
  assert.is(error.status, 503);
  assert.match(error.message, 'stopping');
});

test.run();
