import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { all, open, post, watch, type World } from '../api/world.js';

let world: World;
test.before.each(async () => {
  world = await open();
});
test.after.each(() => world.close());

const say = (...bodies: string[]) => world.bus.append(bodies.map((body) => ({ type: 'SAID', body })));
const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, n) => String(from + n));

test('every watcher gets every message, in the order of the bus, on both paths', async () => {
  await say('before anyone watched');
  const watchers = await Promise.all(['/ws', '/api/v1/ws', '/ws'].map((path) => watch(`${world.ws}${path}`)));
  await Promise.all(numbers(0, 50).map((body) => post(`${world.url}/api/v1/messages`, { type: 'SAID', body })));
  const order = (await all(world.bus)).slice(1).map(({ body }) => body);
  for (const watcher of watchers) {
    await watcher.until((frames) => frames.length === 50);
    assert.equal(watcher.bodies(), order);
  }
  assert.equal(Object.keys(watchers[0]?.frames[0] ?? {}), ['event', 'data']);
  assert.is(watchers[0]?.frames[0]?.data.type, 'SAID');
});

test('a watcher that leaves is forgotten', async () => {
  const one = await watch(`${world.ws}/ws`);
  const other = await watch(`${world.ws}/ws`);
  assert.is(world.hub.size, 2);
  one.socket.terminate();
  await one.closed;
  while (world.hub.size > 1) await new Promise((resolve) => setImmediate(resolve));
  await say('still here');
  await other.until((frames) => frames.length === 1);
});

test('since: what was missed, then what happens, each once and in order', async () => {
  const receipts = await say(...numbers(0, 300));
  const speaking = (async () => {
    for (let n = 300; n < 600; n += 10) {
      await say(...numbers(n, n + 10));
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  const watchers = await Promise.all(
    ['', receipts[99]?.msg_id, receipts[299]?.msg_id].map((id) => watch(`${world.ws}/ws?since=${id}`)),
  );
  await speaking;
  const order = numbers(0, 600);
  for (const [index, from] of [0, 100, 300].entries()) {
    const watcher = watchers[index];
    await watcher?.until((frames) => frames.at(-1)?.data.body === '599');
    assert.equal(watcher?.bodies(), order.slice(from));
  }
});

test('since may name what the watcher just said itself', async () => {
  // The live reader may not have told it yet: nobody waits between the append and the upgrade.
  for (let n = 0; n < 50; n++) {
    const [receipt] = await say(`own ${n}`);
    const watcher = await watch(`${world.ws}/ws?since=${receipt?.msg_id}`);
    await say(`next ${n}`);
    await watcher.until((frames) => frames.length > 0);
    assert.equal(watcher.bodies(), [`next ${n}`]);
    watcher.socket.terminate();
  }
});

test('an unknown since is said and the socket closed', async () => {
  const watcher = await watch(`${world.ws}/ws?since=MSG-never`);
  assert.is(await watcher.closed, 1008);
  assert.is(watcher.frames[0]?.event, 'error');
  assert.is(watcher.frames[0]?.data.code, 'not_found');
});

test('a watcher that does not read is let go, one that reads misses nothing', async () => {
  const slow = await watch(`${world.ws}/ws`);
  const good = await watch(`${world.ws}/ws`);
  slow.socket.pause();
  const body = 'x'.repeat(64 * 1024);
  let told = 0;
  // Kernel buffers take some of it first; how much is the machine's affair.
  while (world.hub.size > 1 || told === 0) {
    await say(...Array.from({ length: 8 }, () => body));
    told += 8;
    await good.until((frames) => frames.length === told);
    if (slow.socket.readyState !== slow.socket.OPEN) break;
    if (told >= 1_600) break;
  }
  slow.socket.resume();
  assert.is(await slow.closed, 1013);
  assert.ok(slow.frames.length < told);
  assert.is(good.frames.length, told);
});

test('a batch far over the bound reaches a watcher that reads', async () => {
  const watcher = await watch(`${world.ws}/ws`);
  await say(...numbers(0, 400).map((n) => n.padEnd(32 * 1024)));
  await watcher.until((frames) => frames.length === 400);
  assert.is(watcher.code(), undefined);
});

test('a drain says goodbye', async () => {
  const watcher = await watch(`${world.ws}/ws`);
  const drained = world.server.drain();
  assert.is(await watcher.closed, 1001);
  await drained;
});

test('a drain first tells what was said when nobody read any more', async () => {
  const watcher = await watch(`${world.ws}/ws`);
  await say('heard');
  await watcher.until((frames) => frames.length === 1);
  world.stopTelling();
  const receipts = await say('said', 'last');
  let reason = '';
  watcher.socket.once('close', (_code, given: Buffer) => (reason = given.toString()));
  const drained = world.server.drain();
  assert.is(await watcher.closed, 1001);
  assert.equal(watcher.bodies(), ['heard', 'said', 'last']);
  assert.match(reason, new RegExp(`since=${receipts[1]?.msg_id}$`));
  await drained;
});

test.run();
