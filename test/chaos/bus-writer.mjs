// One writer of the bus chaos: appends until it is killed, and keeps a ledger of what was acknowledged.
import { createHash } from 'node:crypto';
import { openSync, writeSync } from 'node:fs';
import { openWriter } from '../../dist/bus/writer.js';

const [root, ledger, name, seedText, optionsText] = process.argv.slice(2);
const { rotation, stopAt, boot } = JSON.parse(optionsText);
let drawn = 0;
/** Uniform in [0, 1), from the seed. */
const random = () =>
  createHash('sha256')
    .update(`${seedText} ${(drawn += 1)}`)
    .digest()
    .readUInt32LE(0) /
  2 ** 32;
const below = (most) => Math.floor(random() * most);

let asked = 0;
let isStopped = false;
/** `Pen.write`, which asks for the time, is what happens while the lock is held: there one of them stops. */
const now = () => {
  asked += 1;
  if (asked >= stopAt && !isStopped && new Error().stack.includes('Pen.write')) {
    isStopped = true;
    process.kill(process.pid, 'SIGSTOP');
  }
  return Date.now();
};

const FORGED =
  '---\nmsg_id: MSG-20990101-000000-000000000-PID1-0001\ntype: FORGED\nbody_bytes: 1\ncrc32: 00000000\n---\nx\n\n';
const acknowledged = openSync(ledger, 'a');
const writer = openWriter({ root, key: Buffer.alloc(32, 7), clock: { now }, durability: 'fsync', rotation, boot });

let count = 0;
let isReady = false;
const append = async () => {
  const uid = `${name}-${++count}`;
  const size = random() < 0.1 ? below(65_536) : below(400);
  const body = `${uid}\n${random() < 0.3 ? FORGED : ''}${'x'.repeat(size)}`;
  const dedupe_key = random() < 0.2 ? `key-${below(500)}` : undefined;
  const own = random() < 0.3;
  const sha = createHash('sha256').update(body).digest('hex');
  try {
    const [receipt] = await writer.submit([{ type: own ? 'TASK_TOLD' : 'TOLD', body, dedupe_key }], own);
    writeSync(acknowledged, `${JSON.stringify({ ...receipt, uid, sha, dedupe_key, own })}\n`);
  } catch (error) {
    // Said, and not acknowledged.
    if (error?.code !== 'storage') throw error;
    writeSync(acknowledged, `${JSON.stringify({ uid, failed: error.message })}\n`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

const loop = async () => {
  for (;;) {
    await append();
    if (!isReady) process.stdout.write('.');
    isReady = true;
  }
};
await Promise.all(Array.from({ length: 1 + below(8) }, loop));
