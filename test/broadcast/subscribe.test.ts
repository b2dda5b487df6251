import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { all, open, startRun, watch, type World } from '../api/world.js';

let world: World;
test.before.each(async () => {
  world = await open();
});
test.after.each(() => world.close());

const command = (watcher: Awaited<ReturnType<typeof watch>>, value: unknown): void =>
  watcher.socket.send(typeof value === 'string' ? value : JSON.stringify(value));
const answers = (watcher: Awaited<ReturnType<typeof watch>>) =>
  watcher.frames.filter(({ event }) => event !== 'message');

const SAID = [
  { type: 'TEST_FAILED', project_id: 'acme', task_id: 'a', body: '1' },
  { type: 'TEST_PASSED', project_id: 'acme', task_id: 'b', body: '2' },
  { type: 'CODE_PUSHED', project_id: 'acme', run_id: 'r-1', body: '3' },
  { type: 'TEST_FAILED', project_id: 'other', body: '4' },
  { type: 'STEP_NOTED', project_id: 'other', data: { activation: 'fix/MSG-1' }, body: '5' },
];
const filters: [Record<string, string>, string[]][] = [
  [{}, ['1', '2', '3', '4', '5']],
  [{ type: 'TEST_*' }, ['1', '2', '4']],
  [{ type: 'test_failed' }, ['1', '4']],
  [{ project_id: 'acme' }, ['1', '2', '3']],
  [{ project_id: 'acme', task_id: 'b' }, ['2']],
  [{ run_id: 'r-1' }, ['3']],
  [{ rule: 'fix' }, ['5']],
  [{ type: 'TEST_*', project_id: 'other' }, ['4']],
];
/** Reserved types are ours to say. */
const say = () => world.bus.record(SAID);

test('a filter in the address tells what it takes, live and from the past', async () => {
  await say();
  const watchers = await Promise.all(
    filters.map(([filter]) => watch(`${world.ws}/ws?${new URLSearchParams({ ...filter, since: '' }).toString()}`)),
  );
  await say();
  for (const [index, [, bodies]] of filters.entries()) {
    const watcher = watchers[index];
    await watcher?.until((frames) => frames.length === 2 * bodies.length);
    assert.equal(watcher?.bodies(), [...bodies, ...bodies]);
  }
});

test('a subscription replaces the one before, and may have several filters', async () => {
  const watcher = await watch(`${world.ws}/ws?type=NOTHING`);
  command(watcher, { op: 'subscribe', id: 'a', filters: [{ type: 'TEST_PASSED' }, { run_id: 'r-1' }] });
  await watcher.until((frames) => frames.length === 1);
  assert.equal(answers(watcher)[0], {
    event: 'subscribed',
    data: { id: 'a', filters: [{ type: 'TEST_PASSED' }, { run_id: 'r-1' }] },
  });
  await say();
  await watcher.until((frames) => frames.length === 3);
  command(watcher, { op: 'subscribe', id: 2 });
  await watcher.until((frames) => frames.length === 4);
  await say();
  await watcher.until((frames) => frames.length === 9);
  assert.equal(watcher.bodies(), ['2', '3', '1', '2', '3', '4', '5']);
});

test('a subscription with since goes on without a seam while much is said', async () => {
  const receipts = await world.bus.append(Array.from({ length: 200 }, (_, n) => ({ type: 'SAID', body: String(n) })));
  const watcher = await watch(`${world.ws}/ws?type=NOTHING`);
  const speaking = (async () => {
    for (let n = 200; n < 400; n++) await world.bus.append([{ type: n % 2 ? 'SAID' : 'OTHER', body: String(n) }]);
  })();
  command(watcher, { op: 'subscribe', filters: [{ type: 'SAID' }], since: receipts[99]?.msg_id });
  await speaking;
  await watcher.until((frames) => frames.at(-1)?.data.body === '399');
  assert.equal(
    watcher.bodies(),
    Array.from({ length: 300 }, (_, n) => n + 100)
      .filter((n) => n < 200 || n % 2)
      .map(String),
  );
});

test('a message is posted and a run cancelled over the socket', async () => {
  const { run_id } = await startRun(world);
  const watcher = await watch(`${world.ws}/ws?type=NOTHING`);
  command(watcher, { op: 'post', id: 1, message: { type: 'deployRequested', body: 'go' } });
  command(watcher, { op: 'cancel', id: 2, run_id });
  command(watcher, { op: 'ping', id: 3 });
  await watcher.until((frames) => frames.length === 3);
  const posted = (await all(world.bus)).find(({ type }) => type === 'DEPLOY_REQUESTED');
  const byId = new Map(answers(watcher).map(({ event, data }) => [(data as { id?: unknown }).id, { event, data }]));
  assert.equal(byId.get(1), { event: 'posted', data: { id: 1, msg_id: posted?.msg_id, duplicate: false } });
  assert.equal(byId.get(2), { event: 'cancelling', data: { id: 2, run_id } });
  assert.is(byId.get(3)?.event, 'pong');
  assert.equal(world.stopped, [run_id]);
});

test('a bad command is said, changes nothing, and the connection stays', async () => {
  const watcher = await watch(`${world.ws}/ws?type=NOTHING`);
  const bad: [unknown, string][] = [
    ['{', 'bad_request'],
    ['[]', 'bad_request'],
    [{ op: 'fly' }, 'bad_request'],
    [{ op: 'subscribe', filters: [{ colour: 'red' }] }, 'bad_request'],
    [{ op: 'post', message: { type: 'RUN_STOP' } }, 'reserved_type'],
    [{ op: 'post', message: { colour: 1 } }, 'bad_request'],
    [{ op: 'cancel', run_id: 'nobody' }, 'not_found'],
  ];
  for (const [index, [value, code]] of bad.entries()) {
    const given = Array.isArray(value) || typeof value !== 'object' ? value : { ...value, id: index };
    command(watcher, given);
    await watcher.until((frames) => frames.length === index + 1);
    const said = watcher.frames.at(-1)?.data as { code?: string; id?: number } | undefined;
    assert.equal([said?.code, said?.id], [code, given === value ? undefined : index], JSON.stringify(value));
  }
  watcher.socket.send(Buffer.from('{"op":"ping"}'), { binary: true });
  await watcher.until((frames) => frames.length === bad.length + 1);
  assert.is(watcher.frames.at(-1)?.data.code, 'bad_request');
  command(watcher, { op: 'ping' });
  await watcher.until((frames) => frames.at(-1)?.event === 'pong');
  assert.equal(await all(world.bus), []);
});

test('whoever is let go is told where to come back, and misses nothing then', async () => {
  const slow = await watch(`${world.ws}/ws`);
  let reason = '';
  slow.socket.on('close', (_code: number, words: Buffer) => (reason = words.toString()));
  slow.socket.pause();
  const body = 'x'.repeat(64 * 1024);
  let told = 0;
  while (world.hub.size > 0) {
    await world.bus.append(Array.from({ length: 8 }, () => ({ type: 'SAID', body: `${told++} ${body}` })));
    await new Promise((resolve) => setImmediate(resolve));
  }
  slow.socket.resume();
  assert.is(await slow.closed, 1013);
  const since = /since=(\S+)/.exec(reason)?.[1] ?? '';
  // What was written before the goodbye did arrive.
  assert.is(slow.frames.at(-1)?.data.msg_id, since);
  const again = await watch(`${world.ws}/ws?since=${since}`);
  await again.until((frames) => frames.length === told - slow.frames.length);
  const heard = [...slow.bodies(), ...again.bodies()].map((text) => Number(text.split(' ')[0]));
  assert.equal(
    heard,
    Array.from({ length: told }, (_, n) => n),
  );
});

test.run();
