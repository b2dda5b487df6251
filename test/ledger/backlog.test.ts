import { deserialize, serialize } from 'node:v8';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Backlog } from '../../src/ledger/backlog.js';
import { randomOf } from '../support/random.js';
import { event } from '../router/world.js';

const ids = (backlog: Backlog): string[] => [...backlog.values()].map(({ msg_id }) => msg_id);

test('whatever is added and decided, it holds what a plain map would hold', () => {
  const random = randomOf(7);
  let backlog = new Backlog();
  const model = new Map<string, ReturnType<typeof event>>();
  let most = 0;
  for (let round = 0; round < 60; round++) {
    for (let n = Math.floor(random() * 3_000); n > 0; n--) {
      const one = event('A', { n }, n, { body: `body ${n}` });
      backlog.add(one);
      model.set(one.msg_id, one);
    }
    const all = [...model.keys()];
    most = Math.max(most, all.length);
    assert.is(backlog.size, all.length);
    assert.is(backlog.first, all[0]);
    for (let n = 0; n < 20; n++) {
      const id = all[Math.floor(random() * all.length)] ?? '';
      assert.equal(backlog.get(id), model.get(id));
    }
    if (round % 7 === 3) backlog = Backlog.ofParts(deserialize(serialize(backlog.parts)));
    if (round % 3 !== 2) continue;
    const last = all[Math.floor(random() * all.length * 0.4)] ?? '';
    backlog.removeTo(last);
    for (const id of all) if (id <= last) model.delete(id);
    assert.is(backlog.get(last), undefined);
    assert.is(backlog.size, model.size);
  }
  assert.ok(most > 20_000, 'much of it was packed');
  assert.equal(ids(backlog), [...model.keys()]);
  backlog.removeTo(ids(backlog).at(-1)!);
  assert.is(backlog.size, 0);
  assert.is(backlog.first, undefined);
  const next = event('B');
  backlog.add(next);
  assert.equal([...backlog.values()], [next]);
});

test('what an earlier build stored is no backlog', () => {
  assert.throws(() => Backlog.ofParts(new Map()), /no parts/);
});

test('a copy of an old record that stands out of order is found, and goes with its neighbours', () => {
  const old = event('A');
  const backlog = new Backlog();
  for (let n = 0; n < 20_000; n++) backlog.add(n === 6_000 ? old : event('A', { n }));
  assert.equal(backlog.get(old.msg_id), old);
  const all = ids(backlog);
  backlog.removeTo(all[5_990]!);
  assert.equal(backlog.get(old.msg_id), old, 'what came before it still waits');
  backlog.removeTo(all[6_001]!);
  assert.is(backlog.get(old.msg_id), undefined);
  assert.is(backlog.size, 20_000 - 6_002);
});

test.run();
