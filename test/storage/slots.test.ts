import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tryLock } from 'fs-native-extensions';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clock } from '../../src/cli/system.js';
import type { SlotRequest } from '../../src/core/ports.js';
import { openSlots } from '../../src/storage/slots.js';
import { project, temporary, until } from '../support/service.js';

const request = (run_id: string, more: Partial<SlotRequest> = {}): SlotRequest => ({
  run_id,
  project_id: 'p',
  task_id: 't',
  agent: 'a',
  ...more,
});

/** What became of a wait: told at once when it was served or refused. */
const watch = (wait: Promise<{ release(): Promise<void> }>) => {
  const seen = { state: 'waits', slot: undefined as { release(): Promise<void> } | undefined, error: '' };
  wait.then(
    (slot) => Object.assign(seen, { state: 'served', slot }),
    (error: Error) => Object.assign(seen, { state: 'refused', error: error.message }),
  );
  return seen;
};

const holder = (root: string, slots: number, log: string, count: number) =>
  spawn(
    process.execPath,
    ['--import', 'tsx', join(project, 'test/support/slot-holder.ts'), root, String(slots), log, String(count)],
    { cwd: project, stdio: ['ignore', 'ignore', 'inherit'] },
  );

test('no more than so many hold a slot at once, over all processes, and everybody is served', async () => {
  const root = temporary('slots');
  const log = join(root, 'log');
  writeFileSync(log, '');
  const done = [1, 2, 3].map(() => new Promise((resolve) => holder(root, 2, log, 8).once('exit', resolve)));
  assert.equal(await Promise.all(done), [0, 0, 0]);
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  let held = 0;
  for (const line of lines) {
    held += line.startsWith('+') ? 1 : -1;
    assert.ok(held <= 2, `${held} at once`);
  }
  assert.is(lines.length, 2 * 3 * 8);
  assert.equal(readdirSync(join(root, '.conductor', 'queue')), [], 'nobody is left in the queue');
});

test('who waits is served in the order of priority, then of coming; a place can be moved', async () => {
  const slots = openSlots(temporary('slots'), 1, clock);
  const first = await slots.acquire(request('first'));
  const order: string[] = [];
  const take = async (run_id: string, priority?: number): Promise<void> => {
    const slot = await slots.acquire(request(run_id, priority === undefined ? {} : { priority }));
    order.push(run_id);
    await slot.release();
  };
  const all = [take('a'), take('b'), take('urgent', 1), take('late', 9), take('c')];
  assert.equal(
    slots.waiting().map(({ run_id }) => run_id),
    ['urgent', 'a', 'b', 'c', 'late'],
  );
  assert.ok(slots.move('c', 0));
  assert.not(slots.move('nobody', 0));
  assert.is(slots.waiting()[0]?.run_id, 'c');
  await first.release();
  await Promise.all(all);
  assert.equal(order, ['c', 'urgent', 'a', 'b', 'late']);
});

test('a place that is cancelled, from this or another process, is told to who waits there', async () => {
  const root = temporary('slots');
  const slots = openSlots(root, 1, clock);
  const first = await slots.acquire(request('first'));
  const ours = watch(slots.acquire(request('ours')));
  const foreign = watch(slots.acquire(request('foreign')));
  const abort = new AbortController();
  const given_up = watch(slots.acquire(request('given-up'), abort.signal));
  assert.ok(slots.cancel('ours'));
  assert.not(slots.cancel('ours'), 'it waits no more');
  // What another process does: the file is all that they share.
  assert.ok(openSlots(root, 1, clock).cancel('foreign'));
  abort.abort();
  for (const wait of [ours, foreign, given_up]) {
    await until('it is told', () => wait.state !== 'waits');
    assert.equal([wait.state, wait.error], ['refused', 'no longer waiting for a slot']);
  }
  await first.release();
  const next = await slots.acquire(request('next'));
  await next.release();
});

test('a parent lends its slot to one child at a time; a sibling waits, and passes those who need one of their own', async () => {
  const root = temporary('slots');
  const slots = openSlots(root, 1, clock);
  mkdirSync(join(root, '.conductor', 'raw', 'parent'), { recursive: true });
  const parent = await slots.acquire(request('parent'));
  const stranger = watch(slots.acquire(request('stranger')));
  const child = await slots.acquire(request('child', { parent_run_id: 'parent' }));
  const sibling = watch(slots.acquire(request('sibling', { parent_run_id: 'parent' })));
  assert.is(sibling.state, 'waits');
  await child.release();
  await until('the sibling is served', () => sibling.state === 'served');
  assert.is(stranger.state, 'waits');
  await sibling.slot!.release();
  await parent.release();
  await until('the stranger is served', () => stranger.state === 'served');
  await stranger.slot!.release();
});

test('a line of parents, each waiting for its child, needs one slot', async () => {
  const root = temporary('slots');
  const slots = openSlots(root, 1, clock);
  const held = [];
  for (let depth = 0; depth < 16; depth++) {
    mkdirSync(join(root, '.conductor', 'raw', `run-${depth}`), { recursive: true });
    held.push(await slots.acquire(request(`run-${depth}`, depth === 0 ? {} : { parent_run_id: `run-${depth - 1}` })));
  }
  for (const slot of held.reverse()) await slot.release();
  await (await slots.acquire(request('again'))).release();
});

test('the places of a killed process are cleared, and a suspended one does not hold up the others', async () => {
  const root = temporary('slots');
  const log = join(root, 'log');
  writeFileSync(log, '');
  const slots = openSlots(root, 1, clock);
  const first = await slots.acquire(request('first'));
  const other = holder(root, 1, log, 2);
  await until('it waits', () => slots.waiting().length === 2);
  const ours = watch(slots.acquire(request('ours')));
  other.kill('SIGSTOP');
  await first.release();
  await until('we are served though it was before us', () => ours.state === 'served').finally(() =>
    other.kill('SIGKILL'),
  );
  await until('its places are gone', () => slots.waiting().length === 0);
  await ours.slot!.release();
});

test('a slot that was moved to the file of another process lives as long as that one', async () => {
  const root = temporary('slots');
  const slots = openSlots(root, 1, clock);
  const other = openSlots(root, 1, clock);
  const seat = openSync(slots.seat()!, 'r+');
  const heir = spawn('/bin/sh', ['-c', 'read x; :'], { stdio: ['pipe', 'ignore', 'ignore', seat] });
  const slot = await slots.acquire(request('first'));
  assert.ok(tryLock(seat, ...slot.share(), { shared: true }));
  closeSync(seat);
  await slot.release();
  const next = watch(slots.acquire(request('next')));
  await until('one waits', () => slots.waiting().length === 1);
  // Of two that came within one millisecond neither was first.
  await until('time goes on', () => clock.now() > slots.waiting()[0]!.since);
  const foreign = watch(other.acquire(request('foreign')));
  await until('both wait', () => slots.waiting().length === 2);
  assert.equal([next.state, foreign.state], ['waits', 'waits']);
  heir.stdin!.end();
  await until('the first is served', () => next.state === 'served');
  assert.is(foreign.state, 'waits');
  await next.slot!.release();
  await until('the other process is served', () => foreign.state === 'served');
  await foreign.slot!.release();
});

test.run();
