import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asyncScheduler } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openBlobs } from '../../src/bus/blobs.js';
import { openFileBus } from '../../src/bus/file-bus.js';
import { encode } from '../../src/bus/encode.js';
import type { Draft, Event } from '../../src/core/event.js';
import type { LedgerView } from '../../src/core/ledger-view.js';
import { emptyView, fold } from '../../src/ledger/fold.js';
import { openLedger } from '../../src/ledger/ledger.js';
import { sealedFile } from '../../src/storage/sealed-file.js';
import { all } from '../contract/bus.js';
import { temporary, until } from '../support/service.js';
import { event, fact, world } from '../router/world.js';

const clock = { now: () => Date.now(), scheduler: asyncScheduler };
const openBus = (root: string, key: Buffer) => openFileBus({ root, key, clock, durability: 'os' });
const checkpointOf = (root: string, key: Buffer, version = '1') => {
  const file = sealedFile(join(root, 'cache', 'ledger'), key, 'ledger checkpoint');
  return { version, load: () => file.load(), save: (content: Uint8Array) => file.save(content) };
};
const plain = (_key: string, value: unknown): unknown =>
  value instanceof Map || value instanceof Set ? [...value] : value;
/** Everything the ledger knows, a hash a field. */
const known = (view: LedgerView): Record<string, string> =>
  Object.fromEntries(
    Object.entries({ ...view, windows: [...view.windows.entries()], undecided: [...view.undecided.values()] }).map(
      ([field, value]) => [
        field,
        createHash('sha256')
          .update(JSON.stringify(value, plain) ?? '')
          .digest('hex'),
      ],
    ),
  );

/** A life: starts, runs, ends, windows, queues, switches, waits for decisions. */
const facts = (): Draft[] => {
  const { replay, view } = world(`rules:
  - { id: t, on: A, do: h, throttle: { within: 1m, per: data.k } }
  - { id: d, on: A, do: h, debounce: { quiet: 1h, per: data.k } }
  - { id: q, on: B, do: h, concurrency: { key: data.k } }`);
  const drafts: Draft[] = [];
  for (let n = 0; n < 40; n++) {
    const one = event(n % 3 === 0 ? 'B' : 'A', { k: n % 4 }, n * 1_000);
    drafts.push({ type: one.type, data: one.data });
    const { out: _out, ...decision } = replay.decide(one);
    drafts.push({ type: 'ROUTED', data: { from: '', to: `1:${n}`, table: 't', events: 1, ...decision } });
    for (const { activation } of decision.fired) {
      const run = { run_id: `r${n}`, project_id: 'p', task_id: 't', agent: 'a', cwd: '/', depth: 1, attempt: 1 };
      drafts.push({ type: 'RUN_START', data: { ...run, activation, step: 's', root: one.msg_id } });
      if (n % 5 !== 0) drafts.push({ type: 'RUN_STOP', data: { run_id: `r${n}`, cost_usd: 0.5, commits: [`c${n}`] } });
      if (n % 4 !== 0)
        drafts.push({
          type: 'HANDLER_FINISHED',
          data: { activation, status: n % 2 ? 'completed' : 'failed', exit: 1 },
        });
    }
    if (n === 20) drafts.push({ type: 'RULE_DISABLED', data: { rule: 't', reason: 'x' } });
  }
  assert.ok(view.windows.size > 0 && view.groups.size > 0);
  return [...drafts, { type: 'A', data: { k: 9 } }];
};

test('from a checkpoint the ledger knows what it knows from the whole bus', async () => {
  const root = temporary('ledger');
  const key = randomBytes(32);
  const bus = await openBus(root, key);
  const drafts = facts();
  const half = Math.floor(drafts.length / 2);
  await bus.record(drafts.slice(0, half));
  const first = await openLedger(bus, checkpointOf(root, key));
  await first.close();
  await bus.record(drafts.slice(half));
  let folded = 0;
  const second = await openLedger(
    { ...bus, follow: (cursor) => ((folded = cursor === undefined ? -1 : 1), bus.follow(cursor)) },
    checkpointOf(root, key),
  );
  const whole = await openLedger(bus);
  assert.is(folded, 1, 'it went on from the checkpoint');
  assert.equal(known(second.view), known(whole.view));
  assert.ok(whole.view.open.size > 0 && whole.view.undecided.size > 0);
  await Promise.all([second.close(), whole.close()]);
  rmSync(join(root, 'cache'), { recursive: true });
  const third = await openLedger(bus, checkpointOf(root, key));
  await third.close();
  await bus.close();
});

test('a fold is not saved while much waits for its decision, but when that is decided', async () => {
  const root = temporary('ledger');
  const key = randomBytes(32);
  const bus = await openBus(root, key);
  const receipts = await bus.append(Array.from({ length: 12_000 }, () => ({ type: 'A' })));
  const file = checkpointOf(root, key);
  let saved = 0;
  const ledger = await openLedger(bus, { ...file, save: (content) => ((saved += 1), file.save(content)) });
  assert.is(ledger.view.undecided.size, 12_000);
  assert.is(saved, 0);
  const last = receipts.at(-1)!.msg_id;
  const nothing = { fired: [], held: [], suppressed: [], errors: [], windows: {} };
  await ledger.record([
    { type: 'ROUTED', data: { from: '', to: '1:9', last, table: 't', events: 12_000, ...nothing } },
  ]);
  assert.is(ledger.view.undecided.size, 0);
  await until('it is saved', () => saved === 1 || undefined);
  await ledger.close();
  await bus.close();
});

test('a checkpoint that was changed, of another key, version or bus, is not believed', async () => {
  const root = temporary('ledger');
  const key = randomBytes(32);
  const bus = await openBus(root, key);
  await bus.record(facts());
  await (await openLedger(bus, checkpointOf(root, key))).close();
  const file = join(root, 'cache', 'ledger');
  const good = readFileSync(file);
  assert.ok(await checkpointOf(root, key).load());
  assert.is(await checkpointOf(root, randomBytes(32)).load(), undefined);
  const forged = Buffer.from(good);
  forged[forged.length - 5]! ^= 1;
  writeFileSync(file, forged);
  assert.is(await checkpointOf(root, key).load(), undefined);
  writeFileSync(file, good.subarray(0, 20));
  assert.is(await checkpointOf(root, key).load(), undefined);

  writeFileSync(file, good);
  const from: (string | undefined)[] = [];
  const watched = (one: typeof bus): typeof bus => ({
    ...one,
    follow: (cursor) => (from.push(cursor), one.follow(cursor)),
  });
  await (await openLedger(watched(bus), checkpointOf(root, key, '2'))).close();
  await bus.close();
  writeFileSync(file, good);
  const other = temporary('ledger');
  const stranger = await openBus(other, key);
  await stranger.record(facts());
  const ledger = await openLedger(watched(stranger), checkpointOf(root, key));
  assert.equal(from, [undefined, undefined], 'both fold from the beginning');
  await ledger.close();
  await stranger.close();
});

test('from a SNAPSHOT the ledger knows what it knows from the whole bus; a forged one, or one that is broken, is not used', async () => {
  const root = temporary('ledger');
  const key = randomBytes(32);
  const bus = await openBus(root, key);
  const blobs = openBlobs(root);
  const drafts = facts();
  const half = Math.floor(drafts.length / 2);
  await bus.record(drafts.slice(0, half));
  await bus.record([{ type: 'APPROVAL_X', data: { $map: [['odd', 1]], $set: 0 } }]);
  const first = await openLedger(bus, undefined, { blobs });
  const { fold: older } = await first.snapshot();
  await first.record(drafts.slice(half));
  await first.snapshot();
  await bus.append([{ type: 'A', data: { k: 1 } }]);

  const opened = async (): Promise<{ from: string | undefined; view: Record<string, string> }> => {
    let from: string | undefined;
    const watched = { ...bus, follow: (cursor?: string) => ((from = cursor), bus.follow(cursor)) };
    const ledger = await openLedger(watched, undefined, { blobs });
    const view = known(ledger.view);
    await ledger.close();
    return { from, view };
  };
  const whole = await openLedger(bus);
  const newest = await opened();
  assert.equal(newest.view, known(whole.view));
  assert.ok(whole.view.open.size > 0 && whole.view.undecided.size > 0);

  // As somebody who has the file, but not the key, would.
  const text = readFileSync(join(root, 'MESSAGE-BUS.md'), 'utf8');
  const stranger = await openBus(temporary('ledger'), randomBytes(32));
  await stranger.record([{ type: 'SNAPSHOT', data: { format: 1, last: 'x', cursor: '1:0', fold: older } }]);
  const [forged] = await all(stranger.read());
  appendFileSync(join(root, 'MESSAGE-BUS.md'), encode(forged!));
  await bus.append([{ type: 'A' }]);
  assert.is((await opened()).from, newest.from);

  const [, fold = ''] = [...text.matchAll(/"fold":"([0-9a-f]{64})"/g)].map((match) => match[1]!);
  writeFileSync(join(root, '.conductor', 'blobs', fold), '{}');
  const before = await opened();
  assert.ok(before.from !== undefined && before.from !== newest.from);
  assert.equal(before.view, known(whole.view));
  await Promise.all([first.close(), whole.close()]);
  await Promise.all([bus.close(), stranger.close()]);
});

test('an authentic fact counts, a forged one changes nothing', () => {
  const view = emptyView();
  const before = known(view);
  for (const type of ['ROUTED', 'RUN_START', 'HANDLER_FINISHED', 'RULE_DISABLED', 'CONDUCTOR_PAUSED', 'TASK_REQUESTED'])
    fold(
      view,
      event(type, { rule: 'r', run_id: 'x', fired: [], suppressed: [], errors: [] }, 0, {
        authentic: false,
        task_id: 't',
      }),
    );
  assert.equal(known(view), before);
  fold(view, fact('CONDUCTOR_PAUSED'));
  assert.ok(view.paused);
});

test('what has ended is forgotten in time: the memory has a bound', () => {
  const { replay, view, finish } = world('rules: [{ id: r, on: A, do: h }]');
  const waiting: Event = event('A');
  const [kept] = replay.decide(waiting).fired;
  for (let n = 0; n < 12_000; n++) {
    const [fired] = replay.decide(event('A', { n })).fired;
    if (n % 2) finish(fired!.activation);
    else replay.fact(fact('HANDLER_FINISHED', { activation: fired!.activation, status: 'failed', exit: 1 }));
  }
  assert.is(view.open.size, 1);
  assert.is(view.activations.size, 10_001);
  assert.ok(view.activations.has(kept!.activation), 'the open one stays');
  assert.is(view.resumable.size, 1_000);
  const causes = [...view.activations.values()].filter(({ cause }) => cause !== undefined);
  assert.is(causes.length, 1_001);
  assert.is(view.undecided.size, 0);
});

test('windows of keys that come once go again', () => {
  const { on, view } = world('rules: [{ id: r, on: A, do: h, throttle: { within: 1s, per: data.k } }]');
  for (let n = 0; n < 20_000; n++) on('A', { k: n }, n * 100);
  assert.ok(view.windows.size < 2_100, `${view.windows.size}`);
});

test.run();
