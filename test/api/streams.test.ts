import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openEvents } from './event-source.js';
import { all, get, open, startRun, type World } from './world.js';

let world: World;
test.before.each(async () => {
  world = await open();
});
test.after.each(() => world.close());

const say = (...bodies: string[]) => world.bus.append(bodies.map((body) => ({ type: 'SAID', body })));
const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, n) => String(from + n));
const at = (path: string): string => `${world.url}/api/v1/${path}`;

test('messages: what was missed, then what happens, each once', async () => {
  const receipts = await say(...numbers(0, 20));
  const events = await openEvents(at('messages/stream'), { 'last-event-id': receipts[9]?.msg_id ?? '' });
  await say(...numbers(20, 40));
  await events.until((list) => list.filter(({ event }) => event === 'message').length >= 30);
  assert.equal(
    events.list.filter(({ event }) => event === 'message').map(({ data }) => data['body']),
    numbers(10, 40),
  );
  const order = (await all(world.bus)).slice(10).map(({ msg_id }) => msg_id);
  assert.equal(
    events.list.filter(({ event }) => event === 'message').map(({ id }) => id),
    order,
  );
  events.close();
});

test('messages: an unknown Last-Event-ID is said, and what happens is told', async () => {
  const events = await openEvents(at('messages/stream'), { 'last-event-id': 'MSG-never' });
  await events.until((list) => list.some(({ event }) => event === 'reset'));
  await say('after');
  await events.until((list) => list.some(({ data }) => data['body'] === 'after'));
  events.close();
});

test('messages: a filter tells only what it takes', async () => {
  const events = await openEvents(at('messages/stream?type=TEST_*&project_id=acme'));
  await world.bus.append([
    { type: 'TEST_FAILED', project_id: 'other' },
    { type: 'CODE_PUSHED', project_id: 'acme' },
    { type: 'TEST_FAILED', project_id: 'acme', body: 'this' },
  ]);
  await events.until((list) => list.some(({ event }) => event === 'message'));
  assert.equal(
    events.list.filter(({ event }) => event === 'message').map(({ data }) => data['body']),
    ['this'],
  );
  events.close();
});

test('a burst of 5,000 lines of a run arrives whole, then its status, then the end', async () => {
  const { run_id, folder, stop } = await startRun(world);
  const events = await openEvents(at(`runs/${run_id}/stream`));
  const lines = numbers(0, 5_000).map((n) => `line ${n} é`);
  for (let n = 0; n < 5_000; n += 500)
    appendFileSync(join(folder, 'agent-stdout.txt'), `${lines.slice(n, n + 500).join('\n')}\n`);
  appendFileSync(join(folder, 'agent-stderr.txt'), 'without an end');
  await stop();
  await events.ended;
  const logs = events.list.filter(({ event }) => event === 'log');
  assert.equal(
    logs.filter(({ data }) => data['stream'] === 'stdout').map(({ data }) => data['line']),
    lines,
  );
  assert.equal(
    logs.filter(({ data }) => data['stream'] === 'stderr').map(({ data }) => data['line']),
    ['without an end'],
  );
  const last = events.list.at(-1);
  assert.is(last?.event, 'status');
  assert.is(last?.data['status'], 'completed');
  // Who has everything is told not to come back.
  assert.is((await get(at(`runs/${run_id}/stream`), { 'last-event-id': last?.id })).status, 204);
});

test('a run: Last-Event-ID goes on after the line, in bytes that are not characters', async () => {
  const { run_id, folder, stop } = await startRun(world);
  writeFileSync(join(folder, 'agent-stdout.txt'), 'ä\nö\nü\n');
  const first = await openEvents(at(`runs/${run_id}/stream`));
  await first.until((list) => list.filter(({ event }) => event === 'log').length === 3);
  const second = first.list.find(({ data }) => data['line'] === 'ö');
  first.close();
  const again = await openEvents(at(`runs/${run_id}/stream`), { 'last-event-id': second?.id ?? '' });
  appendFileSync(join(folder, 'agent-stdout.txt'), '€\n');
  await stop();
  await again.ended;
  assert.equal(
    again.list.filter(({ event }) => event === 'log').map(({ data }) => data['line']),
    ['ü', '€'],
  );
});

test('all runs: a run that begins is heard from its first line to its end, and again after a cut', async () => {
  const events = await openEvents(at('runs/stream'));
  await events.until((list) => list.some(({ event }) => event === 'ready'));
  const { run_id, folder, stop } = await startRun(world);
  writeFileSync(join(folder, 'agent-stdout.txt'), 'one\ntwo\n');
  await events.until((list) => list.filter(({ event }) => event === 'log').length === 2);
  const one = events.list.find(({ data }) => data['line'] === 'one');
  events.close();
  const other = await startRun(world);
  writeFileSync(join(other.folder, 'agent-stdout.txt'), 'elsewhere\n');
  await stop();
  const again = await openEvents(at('runs/stream'), { 'last-event-id': one?.id ?? '' });
  await again.until((list) => list.filter(({ event }) => event === 'log').length === 2);
  assert.equal(
    again.list
      .filter(({ event }) => event === 'log')
      .map(({ data }) => data['line'])
      .sort(),
    ['elsewhere', 'two'],
  );
  assert.ok(again.list.some(({ event, data }) => event === 'status' && data['run_id'] === run_id));
  again.close();
});

test.run();
