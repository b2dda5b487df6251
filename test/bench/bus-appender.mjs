// A process that appends: `bus`, and `bare` which does the same work without the lock, wait for a sign and say their slowest
// append in ms; `pairs` says when it appended.
import { fdatasync, openSync, writeSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { prepareDraft } from '../../dist/bus/draft.js';
import { seal } from '../../dist/bus/format.js';
import { stampOf } from '../../dist/bus/stamp.js';
import { openWriter } from '../../dist/bus/writer.js';

const [mode, root, countText, warmText] = process.argv.slice(2);
const count = Number(countText);
const body = 'x'.repeat(100);
const writer = openWriter({ root, key: Buffer.alloc(32, 7), clock: { now: Date.now } });
const fd = openSync(join(root, 'bare'), 'a');
let given = 0;
const record = (text) =>
  seal(prepareDraft({ type: 'INFO', body: text }, false), stampOf({ ms: Date.now(), ns: 0 }, process.pid, ++given));
const bare = (text) =>
  new Promise((resolve, reject) => {
    writeSync(fd, record(text));
    fdatasync(fd, (error) => (error ? reject(error) : resolve()));
  });
const bus = (text) => writer.submit([{ type: 'INFO', body: text }], false);
const now = () => performance.timeOrigin + performance.now();

if (mode === 'pairs') {
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  await sleep(500);
  for (let pair = 0; pair < count; pair += 1) {
    const gap = 1 + (pair % 60);
    for (const half of ['a', 'b']) {
      const text = `${pair}${half}`;
      const sent = now();
      const appended = bus(text);
      await sleep(gap);
      await appended;
      process.stdout.write(`${JSON.stringify([text, 'ours', sent])}\n`);
    }
    const bytes = record(body);
    const sent = now();
    writeSync(fd, bytes);
    process.stdout.write(`${JSON.stringify([String(pair), 'bare', sent])}\n`);
    await sleep(5);
  }
} else {
  for (let warm = 0; warm < Number(warmText ?? 0); warm += 1) await (mode === 'bus' ? bus(body) : bare(body));
  process.stdout.write('ready\n');
  await once(process.stdin, 'data');
  let slowest = 0;
  for (let number = 0; number < count; number += 1) {
    const started = performance.now();
    await (mode === 'bus' ? bus(body) : bare(body));
    slowest = Math.max(slowest, performance.now() - started);
  }
  process.stdout.write(`${JSON.stringify(slowest)}\n`);
  process.stdin.destroy();
}
await writer.close();
