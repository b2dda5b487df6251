import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Windows } from '../../src/core/flow/windows.js';
import type { Window } from '../../src/core/flow/window.js';
import { randomOf } from '../support/random.js';
import { Replay } from '../../src/router/replay.js';
import { fold } from '../../src/ledger/fold.js';
import { event, tableOf, world } from './world.js';

const window = (key: number, more: Partial<Window> = {}): Window => ({
  rule: 'r',
  stage: 'debounce',
  key: String(key),
  opened: 0,
  until: 0,
  ...more,
});
const idOf = (key: number): string => Windows.idOf(window(key));

test('what is due first is found, however windows were set, moved and deleted', () => {
  const random = randomOf(1);
  const windows = new Windows();
  const dues = new Map<string, number>();
  for (let n = 0; n < 20_000; n++) {
    const key = Math.floor(random() * 300);
    const id = idOf(key);
    const kind = random();
    if (kind < 0.5) {
      const due = Math.floor(random() * 1_000);
      windows.set(id, window(key, { due }));
      dues.set(id, due);
    } else if (kind < 0.6) {
      windows.set(id, window(key));
      dues.delete(id);
    } else if (kind < 0.75) {
      windows.delete(id);
      dues.delete(id);
    } else {
      const next = windows.next();
      const first = dues.size === 0 ? undefined : Math.min(...dues.values());
      assert.is(next?.at, first);
      if (!next) continue;
      assert.is(dues.get(next.id), first);
      windows.delete(next.id);
      dues.delete(next.id);
    }
  }
  assert.is(windows.next()?.at, Math.min(...dues.values()));
});

test('what is set again and again with a due time of its own keeps its order', () => {
  const windows = new Windows();
  for (let n = 0; n < 10_000; n++) windows.set(idOf(n % 3), window(n % 3, { due: n }));
  windows.set(idOf(9), window(9));
  const order = [];
  for (let next = windows.next(); next; next = windows.next()) {
    order.push(next.at);
    windows.delete(next.id);
  }
  assert.equal(order, [9_997, 9_998, 9_999]);
});

test('windows that have nothing to say any more go when there are many; what is due or still speaks stays', () => {
  const windows = new Windows();
  windows.set(idOf(1), window(1, { due: 5, until: 5 }), 0);
  windows.set(idOf(2), window(2, { until: 100 }), 0);
  const dropped: Window[] = [];
  for (let key = 3; key < 2_000; key++) dropped.push(...windows.set(idOf(key), window(key, { until: 50 }), 100));
  assert.ok(windows.size < 1_100, `${windows.size} are kept`);
  assert.is(dropped.length + windows.size, 1_999);
  assert.equal([windows.get(idOf(1))?.due, windows.get(idOf(2))?.until], [5, 100]);
  assert.ok(windows.get(idOf(1_999)), 'and the newest');
});

test('beyond 100,000 the oldest go, and they are told', () => {
  const windows = new Windows();
  const dropped: Window[] = [];
  for (let key = 0; key < 100_010; key++) dropped.push(...windows.set(idOf(key), window(key, { until: 1 }), 0));
  assert.is(windows.size, 100_000);
  assert.equal(
    dropped.map(({ key }) => Number(key)),
    Array.from({ length: 10 }, (_, key) => key),
  );
});

test('that it has spoken is remembered for days, whatever others come', () => {
  const { on, due } = world(
    'rules: [{ id: r, on: [A, B], match: { type: A }, do: h, sustained: { for: 1s, per: data.k } }]',
  );
  const day = 86_400_000;
  on('A', { k: 'it' });
  assert.equal(due(1_000).fired, ['r']);
  const many = (at: number): void => {
    for (let k = 0; k < 1_100; k++) on('A', { k: `${at} ${k}` }, at);
  };
  many(6 * day);
  assert.equal(on('A', { k: 'it' }, 6 * day + 1).suppressed.at(-1), 'r: sustained');
  many(12 * day);
  assert.equal(on('A', { k: 'it' }, 12 * day + 1).suppressed.at(-1), 'r: sustained', 'from the newest on');
});

test('a window that an event did not change is not said again', () => {
  const { decide } = world('rules: [{ id: r, on: A, do: h, throttle: { within: 1h } }]');
  assert.equal(Object.keys(decide(event('A')).windows), [Windows.idOf(window(0, { stage: 'throttle', key: 'all' }))]);
  const again = decide(event('A'));
  assert.is(again.suppressed.length, 1);
  assert.equal(again.windows, {});
});

test('what is set again counts as new', () => {
  const windows = new Windows();
  for (const key of [1, 2, 1]) windows.set(idOf(key), window(key, { until: 1 }), 0);
  assert.equal(
    [...windows.entries()].map(([, { key }]) => key),
    ['2', '1'],
  );
});

test('a start of several is keyed by the oldest of them', () => {
  const { decide } = world('rules: [{ id: r, on: A, do: h, threshold: { at_least: 3, within: 1m } }]');
  const events = [0, 1, 2].map((at) => event('A', {}, at));
  const [fired] = events.flatMap((one) => decide(one).fired);
  assert.is(fired?.activation, `r/${events[0]!.msg_id}`);
  assert.equal(fired?.folded, { count: 3, events: events.map(({ msg_id }) => msg_id) });
});

test('what a rule collected in a way that it no longer has is said and dropped', () => {
  const before = world('rules: [{ id: r, on: A, do: h, debounce: { quiet: 5s } }]');
  before.decide(event('A'));
  const edited = new Replay(tableOf('rules: [{ id: r, on: A, do: h }]'), { view: before.view, fold });
  assert.equal(
    edited.due(edited.next()!).suppressed.map(({ reason, detail }) => `${reason}: ${detail}`),
    ['rule_gone: the rule has no debounce any more'],
  );
  assert.is(edited.next(), undefined);
});

test.run();
