import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../../src/core/event.js';
import { Windows } from '../../src/core/flow/windows.js';
import type { LedgerView } from '../../src/core/ledger-view.js';
import { emptyView, fold } from '../../src/ledger/fold.js';
import type { Decision } from '../../src/router/batch.js';
import { supersededBy } from '../../src/router/cancels.js';
import { decide } from '../../src/router/decide.js';
import type { Verdict } from '../../src/router/verdict.js';
import { randomOf } from '../support/random.js';
import { event, fact, tableOf, world } from './world.js';

/** Decides batch after batch; each is folded in when it is decided, as the router's are. */
const inBatches = (yaml: string, batches: readonly Event[][], observe?: (verdict: Verdict) => void) => {
  const table = tableOf(yaml);
  const view = emptyView();
  const windows = new Windows();
  const decisions: Decision[] = [];
  for (const batch of batches) {
    for (const one of batch) fold(view, one);
    const now = Date.parse(batch.at(-1)!.ts);
    const decision = decide(batch, { table, view, windows, health: new Map(), now, ...(observe ? { observe } : {}) });
    const { out: _out, ...rest } = decision;
    const last = batch.at(-1)!.msg_id;
    fold(view, {
      ...fact('ROUTED', { from: '', to: '', table: 't', events: batch.length, last, ...rest }),
      ts: batch.at(-1)!.ts,
    });
    decisions.push(decision);
  }
  const all = <Key extends 'fired' | 'held' | 'suppressed' | 'errors'>(key: Key) =>
    decisions.flatMap((decision): readonly unknown[] => decision[key] ?? []);
  return { fired: all('fired'), held: all('held'), suppressed: all('suppressed'), errors: all('errors') };
};

const EVERY = `rules:
  - { id: few, on: A, do: h, throttle: { first: 2, within: 5s, per: data.k } }
  - { id: quiet, on: A, do: h, debounce: { quiet: 3s, max_wait: 8s, per: data.k } }
  - { id: both, on: { all: [A, B], within: 6s }, do: h, threshold: { at_least: 2, within: 20s } }
  - { id: dear, on: B, do: h, budget: { runs_per_day: 15 } }
  - { id: each, on: B, do: h, budget: { runs_per_day: 5, per: data.k } }
  - { id: times, on: B, do: h, max_fires: 7 }
  - { id: skips, on: A, do: h, concurrency: { key: data.k, limit: 3, on_conflict: skip } }
  - { id: loops, on: C, do: h }
`;

const traffic = (seed: number, count: number): Event[] => {
  const random = randomOf(seed);
  let at = 0;
  return Array.from({ length: count }, () => {
    at += Math.floor(random() * 2_000);
    const type = random() < 0.5 ? 'A' : random() < 0.6 ? 'B' : 'C';
    return event(type, { k: Math.floor(random() * 3) }, at, {
      trust: 'outside',
      actor: 'ann',
      meta: { actor_kind: 'person' },
    });
  });
};

test('a batch is decided as its events one by one, whatever counts', () => {
  const events = traffic(2, 400);
  const random = randomOf(8);
  const batches: Event[][] = [];
  for (let at = 0; at < events.length;) {
    const size = 1 + Math.floor(random() * 30);
    batches.push(events.slice(at, at + size));
    at += size;
  }
  const single = inBatches(
    EVERY,
    events.map((one) => [one]),
  );
  const together = inBatches(EVERY, batches);
  assert.equal(together, single);
  const said = new Set(single.suppressed.map((one) => (one as { reason: string }).reason));
  for (const reason of ['throttled', 'budget', 'max_fires', 'concurrency', 'breaker'])
    assert.ok(said.has(reason), `${reason} is among them`);
});

test('rules that are looked up by a value answer as if each were asked', () => {
  const random = randomOf(4);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  for (let turn = 0; turn < 60; turn++) {
    const rules = Array.from({ length: 14 }, (_, n) => {
      const match = [
        ...(random() < 0.8
          ? [`data.b: ${pick(['x', 'y', '[x, z]', '1', 'true', 'x*', '{ not: x }', '{ exists: true }', 'null'])}`]
          : []),
        ...(random() < 0.3 ? [`data.c: ${pick(['x', 'y'])}`] : []),
      ];
      const more = random() < 0.2 ? ', match: { type: A }, sustained: { for: 1s }' : `, match: { ${match.join(', ')} }`;
      return `{ id: r${n}, on: [A, B], do: h${more}${random() < 0.1 ? ', stop: true' : ''} }`;
    });
    const yaml = `rules: [${rules.join(', ')}]`;
    const events = Array.from({ length: 40 }, (_, at) =>
      event(
        pick(['A', 'B']),
        {
          ...(random() < 0.9 ? { b: pick(['x', 'y', 'z', 'xx', 1, true, null, ['x', 'z'], ['q'], {}]) } : {}),
          c: pick(['x', 'y']),
        },
        at * 400,
      ),
    );
    assert.equal(
      inBatches(yaml, [events]),
      inBatches(yaml, [events], () => undefined),
      yaml,
    );
  }
});

test('without a word in the rule a loop through the world outside ends after thirty starts an hour, for its entity alone', () => {
  const { on } = world('rules: [{ id: r, on: A, do: h }, { id: free, on: A, do: h, breaker: false }]');
  const come = (at: number, more: Partial<Event> = {}, data: Record<string, unknown> = { number: 7 }) =>
    on('A', data, at, { trust: 'outside', actor: 'ann', meta: { actor_kind: 'person' }, ...more });
  for (let n = 0; n < 30; n++) assert.equal(come(n).fired, ['r', 'free']);
  const tripped = come(30);
  assert.equal([tripped.fired, tripped.suppressed], [['free'], ['r: breaker']]);
  assert.equal(come(31, {}, { number: 8 }).fired, ['r', 'free'], 'another number');
  assert.equal(come(32, { actor: 'bob' }).fired, ['r', 'free'], 'somebody else');
  assert.equal(
    come(33, { parents: [{ msg_id: 'MSG-1', kind: 'caused_by' }] }).fired,
    ['r', 'free'],
    'what something caused',
  );
  assert.equal(come(34, { run_id: 'x' }).fired, ['r', 'free'], 'what a run says here');
  assert.equal(come(35, { trust: 'full' }).fired, ['r', 'free'], 'what is said here');
  assert.equal(come(36).suppressed, ['r: breaker']);
  assert.equal(come(3_600_030).fired, ['r', 'free'], 'its time is over');
});

test('who is superseded is cancelled once: those of the group, and the older ones of the batch itself', () => {
  const yaml =
    'rules: [{ id: r, on: A, do: h, concurrency: { key: data.k, on_conflict: supersede } }, { id: q, on: B, do: h, concurrency: {} }]';
  const { decide: one, view } = world(yaml);
  const [first] = one(event('A', { k: 1 })).fired;
  const cancelled = (of: LedgerView, events: readonly Event[]): unknown[] => {
    const { fired } = decide(events, {
      table: tableOf(yaml),
      view: of,
      windows: new Windows(),
      health: new Map(),
      now: 0,
    });
    return supersededBy(of, fired).map(({ data }) => data?.['activation']);
  };
  const [a, b] = [event('A', { k: 1 }), event('A', { k: 1 })];
  assert.equal(cancelled(view, [a, b]), [first!.activation, `r/${a.msg_id}`]);
  assert.equal(cancelled(view, [event('A', { k: 2 }), event('B'), event('B')]), []);
  view.activations.get(first!.activation)!.cancel = 'superseded';
  assert.equal(cancelled(view, [a]), [], 'it is cancelled already');
});

test.run();
