import { randomBytes } from 'node:crypto';
import { BehaviorSubject, asyncScheduler, type Subscription } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openFileBus } from '../../src/bus/file-bus.js';
import { ConductorError } from '../../src/core/errors.js';
import type { Event } from '../../src/core/event.js';
import type { Routed } from '../../src/core/ledger-view.js';
import type { Bus, Clock, Ledger, Log } from '../../src/core/ports.js';
import type { RuleTable } from '../../src/core/rule.js';
import { emptyView, fold } from '../../src/ledger/fold.js';
import { openLedger } from '../../src/ledger/ledger.js';
import { describeVerdict } from '../../src/router/describe.js';
import { explain } from '../../src/router/explain.js';
import { router } from '../../src/router/router.js';
import { temporary, until } from '../support/service.js';
import { rulesOf } from './world.js';

const clock: Clock = { now: () => Date.now(), scheduler: asyncScheduler };
let tables = 0;
const table = (yaml: string): RuleTable => ({ hash: `t${++tables}`, rules: rulesOf(yaml) });

const quiet: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

interface World {
  bus: Bus;
  ledger: Ledger;
  swap(yaml: string): void;
  fired(): Promise<Routed['fired']>;
  read(...types: string[]): Promise<Event[]>;
  /** Ends router, ledger and bus, as a restart does. */
  stop(): Promise<void>;
}

/** Time passes as the test says, however slow the machine is. */
const byHand = (yaml: string) => {
  const where = root();
  const clock: Clock = { now: () => hand.time, scheduler: asyncScheduler };
  const hand = { time: Date.now(), where, clock, start: () => start(where, yaml, clock, undefined, clock) };
  return hand;
};

const root = () => ({ root: temporary('router'), key: randomBytes(32) });

const start = async (
  where: ReturnType<typeof root>,
  yaml: string,
  routers: Clock = clock,
  faulty: (ledger: Ledger) => Ledger['record'] = ({ record }) => record,
  messages: Clock = clock,
): Promise<World> => {
  const bus = await openFileBus({ ...where, clock: messages, durability: 'os' });
  const ledger = await openLedger(bus);
  const routing: Ledger = Object.create(ledger, { record: { value: faulty(ledger) } }) as Ledger;
  const table$ = new BehaviorSubject(table(yaml));
  const rules = {
    get current() {
      return table$.value;
    },
    changes$: table$.asObservable(),
    close: () => Promise.resolve(),
  };
  let failed: unknown;
  const running: Subscription = router({
    bus,
    ledger: routing,
    rules,
    clock: routers,
    random: Math.random,
    log: quiet,
  }).subscribe({
    error: (error: unknown) => (failed = error),
  });
  const read = async (...types: string[]): Promise<Event[]> => {
    if (failed) throw new Error('the router failed', { cause: failed });
    const found: Event[] = [];
    for await (const event of bus.read({ types })) found.push(event);
    return found;
  };
  return {
    bus,
    ledger,
    swap: (next) => table$.next(table(next)),
    read,
    fired: async () => (await read('ROUTED')).flatMap((event) => (event.data as unknown as Routed).fired),
    stop: async () => {
      running.unsubscribe();
      await ledger.close();
      await bus.close();
    },
  };
};

const count = async (world: World, wanted: number): Promise<Routed['fired']> =>
  until(`${wanted} starts`, async () => {
    const fired = await world.fired();
    return fired.length >= wanted ? fired : undefined;
  });

for (const isThere of [false, true])
  test(`a decision that the bus refused${isThere ? ', and that is there all the same,' : ''} is said once`, async () => {
    let refusals = 2;
    const faulty: Parameters<typeof start>[3] = (ledger) => async (facts) => {
      if (refusals-- <= 0) return ledger.record(facts);
      if (isThere) await ledger.record(facts);
      throw new ConductorError('storage', 'no space left on device');
    };
    const world = await start(root(), 'rules: [{ id: r, on: A, do: h, max_fires: 2 }]', clock, faulty);
    const events = await world.bus.append([{ type: 'A' }]);
    await count(world, 1);
    events.push(...(await world.bus.append([{ type: 'A' }, { type: 'A' }])));
    const last = events.at(-1)?.msg_id;
    await until('all are decided', async () =>
      (await world.read('ROUTED')).some(({ data }) => (data as unknown as Routed).last === last),
    );
    assert.equal(
      (await world.fired()).map(({ event }) => event),
      events.slice(0, 2).map(({ msg_id }) => msg_id),
    );
    assert.ok(refusals <= 0);
    await world.stop();
  });

const explainIn = (world: Awaited<ReturnType<typeof start>>, yaml: string, msg_id: string) =>
  explain(msg_id, {
    events: world.bus.read(),
    fold,
    view: emptyView(),
    current: { hash: 'now', rules: rulesOf(yaml) },
    tableOf: () => Promise.resolve(undefined),
    now: Date.now(),
  });

test('explain says what became later of what was held, and of what was started', async () => {
  const yaml = `rules:
  - { id: calm, on: A, do: h, debounce: { quiet: 50ms }, throttle: { first: 1, within: 1h } }
  - { id: both, on: { all: [P, Q], within: 1h, by: data.k }, do: h, throttle: { first: 1, within: 1h } }`;
  const world = await start(root(), yaml);
  const explained = async (msg_id: string): Promise<string[]> => {
    const { later } = await explainIn(world, yaml, msg_id);
    return later.map((one) =>
      'fired' in one
        ? `fired ${one.fired.folded?.count ?? 1}`
        : 'ended' in one
          ? `${one.ended.status}: ${one.ended.detail}`
          : `${one.suppressed.reason}: ${one.suppressed.detail}`,
    );
  };
  const [first] = await world.bus.append([{ type: 'A' }, { type: 'A' }]);
  const [{ activation } = { activation: '' }] = await count(world, 1);
  await world.ledger.record([
    { type: 'HANDLER_FINISHED', data: { activation, status: 'cancelled', error: 'by hand' } },
  ]);
  const [second] = await world.bus.append([{ type: 'A' }, { type: 'A' }]);
  await until('the second is suppressed', async () =>
    (await world.read('ROUTED')).some(({ data }) => (data as unknown as Routed).suppressed.length > 0),
  );
  assert.equal(await explained(first!.msg_id), ['fired 2', 'cancelled: by hand']);
  assert.equal(await explained(second!.msg_id), ['throttled: 1 started within 1h; the limit is 1']);
  const say = (type: string, k: number) => world.bus.append([{ type, data: { k } }]);
  await say('P', 1);
  await say('Q', 1);
  const [waiting] = await say('P', 2);
  await until('it waits', async () =>
    (await world.read('ROUTED')).some(({ data }) =>
      (data as unknown as Routed).held?.some(({ event }) => event === waiting!.msg_id),
    ),
  );
  await say('Q', 2);
  await until('the other is suppressed', async () =>
    (await world.read('ROUTED')).some(({ data }) =>
      (data as unknown as Routed).suppressed.some(({ rule }) => rule === 'both'),
    ),
  );
  assert.equal(await explained(waiting!.msg_id), ['throttled: 1 started within 1h; the limit is 1']);
  await world.stop();
});

test('explain says of a start that waits for its turn behind what, and of one that began, when', async () => {
  const yaml = `rules:
  - { id: one, on: A, do: h, concurrency: { group: g } }
  - { id: soon, on: B, do: h, priority: 90, concurrency: { group: g } }`;
  const world = await start(root(), yaml);
  const explained = async (msg_id: string): Promise<string> => {
    const { verdicts } = await explainIn(world, yaml, msg_id);
    return describeVerdict(verdicts.find(({ verdict }) => verdict === 'fired')!);
  };
  const said = await world.bus.append([{ type: 'A' }]);
  await count(world, 1);
  said.push(...(await world.bus.append([{ type: 'A' }, { type: 'A' }, { type: 'B' }])));
  const ids = said.map(({ msg_id }) => msg_id);
  const [first] = await count(world, 4);
  const record = async (type: string, activation: string, more: object = {}): Promise<string> => {
    await world.ledger.record([{ type, data: { activation, ...more } }]);
    return (await world.read(type)).at(-1)!.ts;
  };
  const all = () => Promise.all(ids.map(explained));
  const task = ({ project_id, task_id }: { project_id: string; task_id: string }) => `${project_id}/${task_id}`;
  const ends = async () => (await all()).map((text) => text.replace(/^→ h \(task [^)]*\), /, ''));
  assert.equal((await ends())[0], 'not begun yet');
  const began = await record('HANDLER_STARTED', first!.activation, { handler: 'h', hash: 'x' });
  const behind = `queued behind ${task(first!)} (at work since ${began})`;
  assert.equal(await ends(), [
    `at work since ${began}`,
    `${behind}, and 1 more that waits`,
    `${behind}, and 2 more that wait`,
    behind,
  ]);
  const ended = await record('HANDLER_FINISHED', first!.activation, { status: 'completed', exit: 0 });
  const [done, waits, , next] = await ends();
  assert.is(done, `completed (started ${began}, ended ${ended})`);
  assert.is(next, 'not begun yet');
  assert.match(waits!, /^queued behind default\/soon-/);
  await world.ledger.record([{ type: 'CONDUCTOR_PAUSED' }]);
  assert.is((await ends())[3], 'not begun yet: the conductor is paused');
  await world.stop();
});

test('each event is decided once, in order, also after a restart', async () => {
  const where = root();
  const yaml = 'rules: [{ id: r, on: A, do: h }]';
  const first = await start(where, yaml);
  const before = await first.bus.append([{ type: 'A' }, { type: 'B' }, { type: 'A' }]);
  await count(first, 2);
  await first.stop();
  const bus = await openFileBus({ ...where, clock, durability: 'os' });
  const between = await bus.append([{ type: 'A' }]);
  await bus.close();
  const second = await start(where, yaml);
  const after = await second.bus.append([{ type: 'A' }]);
  const fired = await count(second, 4);
  assert.equal(
    fired.map(({ event }) => event),
    [before[0], before[2], between[0], after[0]].map((receipt) => receipt!.msg_id),
  );
  for (const { activation } of fired) assert.ok(second.ledger.view.activations.get(activation)?.cause);
  await second.stop();
});

test('events that come while a batch is decided keep their event until it is their turn', async () => {
  const world = await start(root(), 'rules: [{ id: r, on: A, do: h }]');
  await Promise.all(
    Array.from({ length: 60 }, async (_, n) => {
      await new Promise((resolve) => setTimeout(resolve, n % 7));
      await world.bus.append([{ type: 'A', data: { n } }]);
    }),
  );
  const fired = await count(world, 60);
  await until('all are folded in', () => world.ledger.view.activations.size === 60 || undefined);
  const missing = fired.filter(({ activation }) => !world.ledger.view.activations.get(activation)?.cause);
  assert.equal(missing, []);
  assert.is(world.ledger.view.undecided.size, 0);
  await world.stop();
});

test('what was said while nobody decided is decided in order, each start with its event, however much it is', async () => {
  const where = root();
  const yaml = 'rules: [{ id: r, on: A, do: h }]';
  const bus = await openFileBus({ ...where, clock, durability: 'os' });
  const starts: string[] = [];
  for (let n = 0; n < 6; n++) {
    const drafts = Array.from({ length: 5_000 }, (_, k) => ({ type: k % 1_000 === 7 ? 'A' : 'B', body: `${n} ${k}` }));
    const receipts = await bus.append(drafts);
    starts.push(...receipts.filter((_, k) => k % 1_000 === 7).map(({ msg_id }) => msg_id));
  }
  await bus.close();
  const world = await start(where, yaml);
  const fired = await count(world, 30);
  assert.equal(
    fired.map(({ event }) => event),
    starts,
  );
  await until('all are decided', () => world.ledger.view.undecided.size === 0 || undefined);
  const causes = fired.map(({ activation }) => world.ledger.view.activations.get(activation)?.cause?.msg_id);
  assert.equal(causes, starts);
  await world.stop();
});

test('a window goes on after a restart in its middle, and starts once', async () => {
  const hand = byHand('rules: [{ id: r, on: A, do: h, debounce: { quiet: 700ms } }]');
  const first = await hand.start();
  const [opened] = await first.bus.append([{ type: 'A', data: { n: 1 } }]);
  await until('it is held', async () => (await first.read('ROUTED')).length > 0 || undefined);
  assert.equal(await first.fired(), []);
  await first.stop();
  const second = await hand.start();
  hand.time += 600;
  const [last] = await second.bus.append([{ type: 'A', data: { n: 2 } }]);
  await until('it is held, too', async () => (await second.read('ROUTED')).length > 1 || undefined);
  hand.time += 1_000;
  const [fired] = await count(second, 1);
  assert.is(fired?.activation, `r/${opened!.msg_id}`);
  assert.is(fired?.event, last!.msg_id);
  assert.equal(fired?.folded, { count: 2, events: [opened!.msg_id, last!.msg_id] });
  assert.is(second.ledger.view.activations.get(fired!.activation)?.cause?.data['n'], 2);
  await second.stop();
  const third = await hand.start();
  await third.bus.append([{ type: 'END' }]);
  await until('END is decided', () => third.ledger.view.undecided.size === 0 || undefined);
  assert.is((await third.fired()).length, 1, 'not again');
  await third.stop();
});

test('what was due while nobody ran starts at the restart, after what came before it', async () => {
  const hand = byHand('rules: [{ id: alarm, on: { not_all: [ASKED, DONE], within: 300ms, by: data.k }, do: h }]');
  const first = await hand.start();
  await first.bus.append([
    { type: 'ASKED', data: { k: 1 } },
    { type: 'ASKED', data: { k: 2 } },
  ]);
  await until('both are held', () => first.ledger.view.windows.size === 2 || undefined);
  await first.stop();
  const bus = await openFileBus({ ...hand.where, clock: hand.clock, durability: 'os' });
  await bus.append([{ type: 'DONE', data: { k: 2 } }]);
  await bus.close();
  hand.time += 1_000;
  const second = await hand.start();
  const fired = await count(second, 1);
  assert.equal(
    fired.map(({ activation }) => second.ledger.view.activations.get(activation)?.cause?.data['k']),
    [1],
    'the one whose DONE had come gives no alarm',
  );
  await second.stop();
});

test('a new table decides the backlog from the next event on, and windows survive it', async () => {
  const world = await start(root(), 'rules: [{ id: r, on: A, do: old, throttle: { within: 1h } }]');
  await world.bus.append([{ type: 'A' }]);
  await count(world, 1);
  world.swap('rules: [{ id: r, on: A, do: new, throttle: { within: 1h } }, { id: s, on: A, do: new }]');
  await world.bus.append([{ type: 'A' }]);
  const fired = await count(world, 2);
  assert.equal(
    fired.map(({ rule, handler }) => [rule, handler]),
    [
      ['r', 'old'],
      ['s', 'new'],
    ],
  );
  await world.stop();
});

test('a newer start supersedes those of its group; a deleted rule cancels those that wait; both are said', async () => {
  const world = await start(
    root(),
    'rules: [{ id: r, on: A, do: h, concurrency: { on_conflict: supersede } }, { id: q, on: B, do: h, concurrency: {} }]',
  );
  await world.bus.append([{ type: 'A' }, { type: 'A' }]);
  const [old] = await count(world, 2);
  const [cancel] = await until('it is cancelled', async () => {
    const said = await world.read('HANDLER_CANCEL');
    return said.length > 0 ? said : undefined;
  });
  assert.is(cancel!.data['activation'], old!.activation);
  assert.match(String(cancel!.data['reason']), /^superseded by r\//);
  await world.bus.append([{ type: 'B' }, { type: 'B' }]);
  const waiting = (await count(world, 4))[3]!;
  await until('it waits', () => world.ledger.view.activations.get(waiting.activation)?.queued);
  world.swap('rules: [{ id: r, on: A, do: h }]');
  const said = await until('it is cancelled too', async () =>
    (await world.read('HANDLER_CANCEL')).find(({ data }) => data['activation'] === waiting.activation),
  );
  assert.match(String(said.data['reason']), 'its rule q was deleted');
  await world.stop();
});

test('a rule that keeps erring is said, dead-lettered and taken out', async () => {
  const world = await start(root(), `rules: [{ id: r, on: A, do: h, when: 'event.data.n < 3.0' }]`);
  await world.bus.append(Array.from({ length: 25 }, () => ({ type: 'A', data: { n: 'x' } })));
  const [out] = await until('it is taken out', async () => {
    const said = await world.read('RULE_DISABLED');
    return said.length > 0 ? said : undefined;
  });
  assert.is(out!.data['rule'], 'r');
  assert.ok(Date.parse(String(out!.data['until'])) > Date.now());
  const errors = await world.read('RULE_ERROR');
  assert.is(errors.length, 20);
  assert.match(errors[0]!.body, /^ERROR: rule r could not decide MSG-/);
  await world.bus.record([{ type: 'RULE_ENABLED', data: { rule: 'r' } }]);
  await world.bus.append([{ type: 'A', data: { n: 1 } }]);
  await count(world, 1);
  await world.stop();
});

test('wrong types from outside take no rule out and fill no bus: right events start it still', async () => {
  const world = await start(root(), `rules: [{ id: r, on: A, do: h, when: 'event.data.n < 3.0' }]`);
  const wrong = { type: 'A', trust: 'outside' as const, data: { n: 'x' } };
  await world.bus.append([{ ...wrong, data: { n: 1 } }]);
  await count(world, 1);
  await world.bus.append(Array.from({ length: 90 }, () => wrong));
  await world.bus.append([{ ...wrong, data: { n: 1 } }]);
  await count(world, 2);
  assert.equal(await world.read('RULE_DISABLED'), []);
  const errors = await world.read('RULE_ERROR');
  assert.is(errors.length, 22);
  assert.match(errors.at(-1)!.body, / \(error 80 of this hour from outside\)$/);
  assert.is(world.ledger.view.rules.get('r')!.errors, 90);
  await world.stop();
});

test('a rule whose condition is slow three times is taken out, and it is said; the others go on', async () => {
  // A clock that is sixty milliseconds later whenever it is looked at.
  let later = 0;
  const slow: Clock = { now: () => Date.now() + (later += 60), scheduler: asyncScheduler };
  const yaml = `rules: [{ id: slow, on: A, do: h, when: 'event.data.n < 3.0' }, { id: plain, on: A, do: h }]`;
  const world = await start(root(), yaml, slow);
  for (let n = 0; n < 3; n++) {
    await world.bus.append([{ type: 'A', data: { n: 1 } }]);
    await count(world, 2 * (n + 1));
  }
  const [out] = await until('it is taken out', async () => {
    const said = await world.read('RULE_DISABLED');
    return said.length > 0 ? said : undefined;
  });
  assert.is(out!.data['rule'], 'slow');
  assert.match(out!.body, /^ERROR: rule slow was taken out for an hour: its condition took \d+ ms, 3 times over 50 ms/);
  await world.bus.append([{ type: 'A', data: { n: 1 } }]);
  const fired = await count(world, 7);
  assert.equal(
    fired.slice(6).map(({ rule }) => rule),
    ['plain'],
  );
  await world.stop();
});

test('a rule that answers what is said of its own errors comes to an end', async () => {
  const world = await start(
    root(),
    `rules: [{ id: r, on: [A, RULE_ERROR, SUPPRESSED], do: h, when: 'event.data.no == 1' }]`,
  );
  await world.bus.append([{ type: 'A' }]);
  await until(
    'the last is suppressed',
    async () =>
      (await world.read('ROUTED')).some(({ data }) => (data as unknown as Routed).suppressed.length > 0) || undefined,
  );
  const errors = (await world.read('RULE_ERROR')).length;
  await world.bus.append([{ type: 'B' }]);
  await until('B is decided', () => world.ledger.view.undecided.size === 0 || undefined);
  assert.is((await world.read('RULE_ERROR')).length, errors);
  assert.ok(errors < 16, `${errors}`);
  await world.stop();
});

test('a forged ROUTED decides nothing', async () => {
  const where = root();
  const world = await start(where, 'rules: [{ id: r, on: A, do: h }]');
  const forger = await openFileBus({ root: where.root, key: randomBytes(32), clock, durability: 'os' });
  await forger.record([
    {
      type: 'ROUTED',
      data: {
        from: '',
        to: '1:999999',
        table: 'x',
        events: 1,
        fired: [{ activation: 'r/x', rule: 'r' }],
        suppressed: [],
        errors: [],
      },
    },
  ]);
  await forger.close();
  await world.bus.append([{ type: 'A' }]);
  await until('A is decided', () => world.ledger.view.activations.size > 0 || undefined);
  assert.equal([...world.ledger.view.activations.keys()].length, 1);
  assert.not.ok(world.ledger.view.activations.has('r/x'));
  await world.stop();
});

test.run();
