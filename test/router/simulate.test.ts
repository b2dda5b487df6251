import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Event } from '../../src/core/event.js';
import { emptyView, fold } from '../../src/ledger/fold.js';
import { simulate, type Simulation } from '../../src/router/simulate.js';
import { randomOf } from '../support/random.js';
import { T0, event, fact, rulesOf, world } from './world.js';

/** A bus as a router with these rules left it: each event with its decision, and what was due in between. */
const recording = (yaml: string) => {
  const { replay } = world(yaml);
  const bus: Event[] = [];
  const say = (decision: ReturnType<typeof replay.due>, at: number, last?: string): void => {
    const { out: _out, ...rest } = decision;
    const decided = { from: '', to: '', table: 'then', events: last === undefined ? 0 : 1, ...(last ? { last } : {}) };
    bus.push(fact('ROUTED', { ...decided, ...rest }, at));
  };
  return {
    bus,
    on: (...of: Parameters<typeof event>): Event => {
      const one = event(...of);
      bus.push(one);
      say(replay.decide(one), of[2] ?? 0, one.msg_id);
      return one;
    },
    due: (at: number): void => say(replay.due(T0 + at), at),
    said: (...of: Parameters<typeof event>): void => void bus.push(event(...of)),
  };
};

async function* each(events: readonly Event[]): AsyncGenerator<Event> {
  for (const one of events) yield await Promise.resolve(one);
}

const by = (
  yaml: string,
  bus: readonly Event[],
  { now = 0, from = () => true }: { now?: number; from?: (one: Event) => boolean } = {},
): Promise<Simulation> =>
  simulate({
    events: each(bus),
    fold,
    view: emptyView(),
    table: { hash: 'now', rules: rulesOf(yaml) },
    from,
    now: T0 + now,
  });

const told = ({ differences }: Simulation): string[] =>
  differences.map(({ rule, was, would, why }) => `${rule}: ${was} → ${would}${why === undefined ? '' : `; ${why}`}`);

const EVERY = `rules:
  - { id: plain, on: [A, B], match: { data.k: [1, 2] }, do: h }
  - { id: few, on: A, do: h, throttle: { first: 2, within: 5s, per: data.k } }
  - { id: quiet, on: A, do: h, debounce: { quiet: 3s, max_wait: 8s, per: data.k } }
  - { id: many, on: A, do: h, threshold: { at_least: 3, within: 9s } }
  - { id: long, on: [A, B], match: { type: A }, do: h, sustained: { for: 4s } }
  - { id: both, on: { all: [A, B], within: 6s }, do: h, throttle: { within: 9s } }
  - { id: alarm, on: { not_all: [A, { on: B, opens: false }], within: 6s, by: data.k }, do: h }
  - { id: dear, on: B, do: h, budget: { runs_per_day: 5, per: data.k } }
  - { id: once, on: B, do: h, max_fires: 7, stop: true }
  - { id: errs, on: A, do: h, when: event.data.n > 1.0 }
  - { id: skips, on: A, do: h, concurrency: { key: data.k, limit: 3, on_conflict: skip } }
  - { id: rest, on: '*', do: h, backstop: true }
`;

test('the rules that decided it would decide it as they did, whatever they collect, count and hold back', async () => {
  const random = randomOf(5);
  const { bus, on, due } = recording(EVERY);
  let at = 0;
  for (let n = 0; n < 600; n++) {
    at += Math.floor(random() * 3_000);
    if (random() < 0.2) due(at);
    else
      on(
        random() < 0.6 ? 'A' : random() < 0.8 ? 'B' : 'C',
        { k: Math.floor(random() * 3), ...(random() < 0.5 ? { n: 2 } : {}) },
        at,
      );
  }
  const simulation = await by(EVERY, bus, { now: at });
  assert.equal(told(simulation), []);
  for (const [rule, { fired, would, differ }] of Object.entries(simulation.rules)) {
    assert.ok(fired > 0, `${rule} starts something`);
    assert.equal([would, differ], [fired, 0], rule);
  }
  assert.equal(simulation.unknown, { assumed: 0, caused: 0, undecided: 0 });
});

test('what starts and what does not is told with its reason, and counted by rule', async () => {
  const { bus, on } = recording('rules: [{ id: r, on: A, match: { data.k: 1 }, do: h }, { id: gone, on: A, do: h }]');
  on('A', { k: 1 });
  on('A', { k: 2 });
  const simulation = await by('rules: [{ id: r, on: A, match: { data.k: 2 }, do: h }, { id: new, on: A, do: h }]', bus);
  assert.equal(told(simulation).sort(), [
    'gone: fired → no match; it was in table then, and is not in this one',
    'gone: fired → no match; it was in table then, and is not in this one',
    'new: no match → fired; h',
    'new: no match → fired; h',
    'r: fired → no match; match.data.k: wants 2, was 1',
    'r: no match → fired; h',
  ]);
  assert.equal(simulation.rules, {
    r: { fired: 1, would: 1, differ: 2 },
    new: { fired: 0, would: 2, differ: 2 },
    gone: { fired: 2, would: 0, differ: 2 },
  });
  assert.equal([simulation.events, simulation.first, simulation.last], [2, bus[0]!.ts, bus[2]!.ts]);
});

test('a start that is another start is a difference, too', async () => {
  const { bus, on } = recording('rules: [{ id: r, on: A, do: h, threshold: { at_least: 2, within: 1h } }]');
  on('A');
  on('A');
  const simulation = await by('rules: [{ id: r, on: A, do: other, with: { x: 1 }, trust: outside }]', bus);
  assert.equal(told(simulation), [
    'r: held → fired; other',
    'r: fired → fired; handler "h" → "other", with none → {"x":1}, trust "full" → "outside", events together 2 → none',
  ]);
});

test('what is due by now starts, though nothing came after it; what waits in the record as well is no difference', async () => {
  const { bus, on } = recording('rules: [{ id: r, on: A, do: h }, { id: s, on: A, do: h, debounce: { quiet: 5s } }]');
  on('A', {}, 0);
  on('A', {}, 1_000);
  const yaml =
    'rules: [{ id: r, on: A, do: h, debounce: { quiet: 5s } }, { id: s, on: A, do: h, debounce: { quiet: 5s } }]';
  assert.equal(told(await by(yaml, bus, { now: 2_000 })), [
    'r: fired → held; debounce: event 1 of a debounce; starts after 5s of quiet',
    'r: fired → held; debounce: event 2 of a debounce; starts after 5s of quiet',
  ]);
  const later = await by(yaml, bus, { now: 9_000 });
  assert.equal(told(later), [
    'r: fired → held; debounce: event 1 of a debounce; starts after 5s of quiet',
    'r: fired → fired; events together none → 2',
  ]);
  assert.equal(later.rules['r'], { fired: 2, would: 1, differ: 2 });
});

test('what the bus cannot tell is counted: new starts, what came of old ones, and what is not decided', async () => {
  const { bus, on, said } = recording(
    'rules: [{ id: r, on: A, match: { data.k: 1 }, do: h }, { id: s, on: B, do: h }]',
  );
  const first = on('A', { k: 1 });
  const routed = bus.at(-1)!.data as { fired: { task_id: string }[] };
  on('B', {}, 0, { task_id: routed.fired[0]!.task_id });
  on('A', { k: 2 });
  on('A', { k: 2 });
  said('A', { k: 2 });
  const skipping =
    'rules: [{ id: r, on: A, match: { data.k: 2 }, do: h, concurrency: { on_conflict: skip } }, { id: s, on: B, do: h }]';
  const { unknown, rules, differences } = await by(skipping, bus);
  assert.equal(unknown, { assumed: 2, caused: 1, undecided: 1 });
  assert.equal(rules['r'], { fired: 1, would: 2, differ: 3 });
  assert.is(differences[0]?.event, first.msg_id);
});

test('what was before the beginning is known, and is not told', async () => {
  const { bus, on } = recording('rules: [{ id: r, on: A, do: h, throttle: { within: 1h } }]');
  on('A', {}, 0);
  const second = on('A', {}, 1_000);
  const by_ = (yaml: string) => by(yaml, bus, { from: ({ msg_id }) => msg_id >= second.msg_id });
  const same = await by_('rules: [{ id: r, on: A, do: h, throttle: { within: 1h } }]');
  assert.equal([told(same), same.events], [[], 1]);
  assert.equal(told(await by_('rules: [{ id: r, on: A, do: h }]')), ['r: suppressed: throttled → fired; h']);
  const none = await by('rules: [{ id: r, on: A, do: h }]', bus, { from: () => false });
  assert.equal([none.events, none.first, told(none)], [0, undefined, []]);
});

test.run();
