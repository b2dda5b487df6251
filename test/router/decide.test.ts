import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CHAIN_BUDGET } from '../../src/core/depth.js';
import type { Event } from '../../src/core/event.js';
import { Windows } from '../../src/core/flow/windows.js';
import { emptyView } from '../../src/ledger/fold.js';
import type { Health } from '../../src/router/batch.js';
import { decide } from '../../src/router/decide.js';
import { describeVerdict } from '../../src/router/describe.js';
import { T0, event, fact, tableOf, world } from './world.js';

const one = (rest: string): string => `rules: [{ id: r, on: A, do: h, ${rest} }]`;
const fires = (rest: string, data: Record<string, unknown>, more = {}): boolean =>
  world(one(rest)).on('A', data, 0, more).fired.length === 1;

test('a rule answers its own type, a list of types, or a glob', () => {
  const { on } = world('rules: [{ id: a, on: A, do: h }, { id: ab, on: [A, B], do: h }, { id: x, on: X_*, do: h }]');
  assert.equal(on('A').fired, ['a', 'ab']);
  assert.equal(on('B').fired, ['ab']);
  assert.equal(on('X_1').fired, ['x']);
  assert.equal(on('C').fired, []);
});

test('a pattern is a value, a glob, a list, or operators that must all hold', () => {
  for (const [pattern, good, bad] of [
    ['main', 'main', 'dev'],
    ['release/*', 'release/1/2', 'main'],
    ['[main, dev]', 'dev', 'x'],
    ['{ prefix: rel }', 'release', 'x'],
    ['{ glob: "a?c" }', 'abc', 'ac'],
    ['{ lt: 3, gte: 1 }', 1, 3],
    ['{ exists: true }', '', undefined],
    ['{ exists: false }', undefined, 0],
    ['{ not: [main, dev] }', 'x', 'dev'],
    ['{ not: "release/*" }', 'x', 'release/1'],
    ['3', 3, '3'],
    ['null', null, 0],
    ['true', true, 'true'],
    ['bug', ['bug', 'ui'], ['ui']],
    ['{ not: bug }', ['ui'], ['bug', 'ui']],
    ['{ gt: 1 }', 2, '2'],
  ] as const) {
    const rest = `match: { data.v: ${pattern} }`;
    assert.ok(fires(rest, good === undefined ? {} : { v: good }), `${pattern} fits ${JSON.stringify(good)}`);
    assert.not.ok(fires(rest, bad === undefined ? {} : { v: bad }), `${pattern} does not fit ${JSON.stringify(bad)}`);
  }
});

test('only own properties of the event are looked at', () => {
  assert.not.ok(fires('match: { data.constructor: { exists: true } }', {}));
  assert.not.ok(fires('match: { data.toString.name: toString }', {}));
});

test('a condition sees the event; one that errs is an error, not a no', () => {
  assert.ok(fires(`when: 'event.data.n < 3.0'`, { n: 2 }));
  assert.not.ok(fires(`when: 'event.data.n < 3.0'`, { n: 3 }));
  assert.equal(world(one(`when: 'event.data.n < 3.0'`)).on('A', {}).errors, ['r']);
  assert.ok(fires(`when: 're(event.body, "fo+")'`, {}, { body: 'a foo' }));
});

test('a rule that errs twenty times in a row is taken out; a field that is missing does not count', () => {
  const erring = world(one(`when: 'event.data.n < 3.0'`));
  for (let n = 0; n < 40; n++) assert.equal(erring.replay.decide(event('A', {})).out, []);
  for (let n = 0; n < 19; n++) assert.equal(erring.replay.decide(event('A', { n: 'x' })).out, []);
  assert.equal(
    erring.replay.decide(event('A', { n: 'x' })).out.map(({ rule }) => rule),
    ['r'],
  );
  const mixed = world(one(`when: 'event.data.n < 3.0'`));
  for (let n = 0; n < 60; n++) assert.equal(mixed.replay.decide(event('A', { n: n % 3 === 0 ? 1 : 'x' })).out, []);
});

test('an outsider who sends wrong types takes no rule out: right events start it, and what is broken is said less and less', () => {
  const { replay, on } = world(one(`when: 'event.data.n < 3.0'`));
  const wrong = { trust: 'outside', source: 'webhook:any' } as const;
  const dead: number[] = [];
  assert.equal(on('A', { n: 5 }, 0, wrong).fired, []);
  for (let n = 0; n < 100; n++) {
    const decision = replay.decide(event('A', { n: `${n}` }, n, wrong));
    assert.equal(decision.out, []);
    assert.is(decision.errors.length, 1);
    dead.push(...decision.dead.map(({ count }) => count ?? 0));
  }
  assert.equal(dead, [...Array.from({ length: 20 }, (_, n) => n + 1), 40, 80]);
  assert.equal(on('A', { n: 1 }, 200, wrong).fired, ['r']);
  // What errs of our own is said in between.
  assert.equal(
    replay.decide(event('A', { n: 'x' }, 300)).dead.map(({ count }) => count),
    [undefined],
  );
  // After an hour it is said anew.
  assert.equal(
    replay.decide(event('A', { n: 'x' }, 3_600_000, wrong)).dead.map(({ count }) => count),
    [1],
  );
});

test('errors on what outsiders send neither count with those on events of our own nor end their row', () => {
  const { replay } = world(one(`when: 'event.data.n < 3.0'`));
  const out = (n: unknown, more: Partial<Event> = {}): string[] =>
    replay.decide(event('A', { n }, 0, more)).out.map(({ rule }) => rule);
  assert.equal(out(1), []);
  for (let n = 0; n < 19; n++) assert.equal([...out('x', { trust: 'outside' }), ...out('x')], []);
  assert.equal(out('x', { trust: 'outside' }), []);
  assert.equal(out('x'), ['r']);
});

test('a condition that never had an answer is broken, whoever sends the events; so is one that was changed and has none since', () => {
  const outside = { trust: 'outside' } as const;
  const good = tableOf(one(`when: 'event.data.n < 3.0'`));
  const broken = tableOf(one(`when: 'event.data.n.endsWith("x")'`));
  const health = new Map<string, Health>();
  const out = (table: typeof good, n: unknown): string[] =>
    decide([event('A', { n }, 0, outside)], {
      table,
      view: emptyView(),
      windows: Windows.of([]),
      health,
      now: T0,
    }).out.map(({ rule }) => rule);
  for (let n = 0; n < 19; n++) assert.equal(out(good, 'x'), []);
  assert.equal(out(good, 'x'), ['r']);
  assert.equal(out(good, 1), []);
  for (let n = 0; n < 30; n++) assert.equal(out(good, 'x'), []);
  for (let n = 0; n < 19; n++) assert.equal(out(broken, 1), []);
  assert.equal(out(broken, 1), ['r']);
});

test('a condition is slow when it is so twice: a machine that stands still for a while takes out no rule', () => {
  const table = tableOf(one(`when: 'event.data.n < 3.0'`));
  const out = (clock: readonly number[]): readonly { rule: string }[] => {
    let looked = 0;
    const events = Array.from({ length: 10 }, () => event('A', { n: 1 }));
    const windows = Windows.of([]);
    const elapsed = (): number => clock[looked++ % clock.length]!;
    return decide(events, { table, view: emptyView(), windows, health: new Map(), now: T0, elapsed }).out;
  };
  // When it begins, when it has ended, and both once more.
  assert.equal(out([0, 9_000, 9_000, 9_001]), []);
  assert.equal(
    out([0, 60, 60, 120]).map(({ rule }) => rule),
    ['r'],
  );
});

test('stop ends the table for an event; a backstop is asked where nothing matched', () => {
  const { on, explain } = world(`rules:
  - { id: first, on: A, match: { data.stop: true }, do: h, stop: true }
  - { id: second, on: A, match: { data.other: { exists: false } }, do: h }
  - { id: rest, on: '*', do: h, backstop: true }`);
  assert.equal(on('A', { stop: true }).fired, ['first']);
  assert.equal(on('A').fired, ['second']);
  assert.equal(on('A', { other: 1 }).fired, ['rest']);
  assert.equal(on('B').fired, ['rest']);
  assert.equal(
    explain(event('A', { stop: true })).map(({ rule, verdict }) => `${rule} ${verdict}`),
    ['first fired', 'second not_asked', 'rest not_asked'],
  );
});

test('globs and backstops never answer reserved types; by its own name one is answered, a level deeper', () => {
  const { decide } = world(
    `rules: [{ id: all, on: '*', do: h }, { id: b, on: 'R*', do: h, backstop: true }, { id: run, on: RUN_STOP, do: h }]`,
  );
  const { fired } = decide(fact('RUN_STOP'));
  assert.equal(
    fired.map(({ rule, depth }) => [rule, depth]),
    [['run', 2]],
  );
  assert.equal(decide(event('RUN_STOP', {}, 0, { authentic: false })).fired, []);
  assert.equal(decide(event('A', {}, 0, { sealed: false })).fired, []);
});

test('what would start at depth 16 is suppressed, and says at which depth', () => {
  const { decide } = world(one('priority: 50'));
  assert.is(decide(event('A', {}, 0, { depth: 14 })).fired.length, 1);
  const { fired, suppressed } = decide(event('A', {}, 0, { depth: 15 }));
  assert.is(fired.length, 0);
  assert.match(suppressed[0]!.detail, 'depth 16; the maximum is 16');
});

test('a chain starts at most 200 runs in all', () => {
  const { decide, fact: say } = world(one('priority: 50'));
  for (let n = 0; n < CHAIN_BUDGET; n++)
    say('RUN_START', { run_id: `r${n}`, project_id: 'p', task_id: 't', depth: 1, attempt: 1, root: 'MSG-root' });
  const of = (id: string) => event('A', {}, 0, { parents: [{ msg_id: id, kind: 'root' }] });
  assert.is(decide(of('MSG-root')).suppressed[0]?.reason, 'chain');
  assert.is(decide(of('MSG-other')).fired.length, 1);
});

test('an event that is too old, or a rule that has expired, starts nothing', () => {
  const old = world(one('max_age: 1h'));
  const late = event('A');
  assert.equal(old.replay.decide(late, { now: Date.parse(late.ts) + 3_600_001 }).suppressed[0]?.reason, 'expired');
  assert.is(old.replay.decide(event('A'), { now: Date.parse(late.ts) + 3_600_000 }).fired.length, 1);
  assert.equal(world(one('expires: 2026-11-20')).on('A').suppressed, ['r: expired']);
  assert.equal(world(one('expires: 2026-11-22')).on('A').fired, ['r']);
});

test('max_fires and the budgets of a day count what was decided, started and paid', () => {
  const few = world(one('max_fires: 2'));
  assert.equal([few.on('A').fired, few.on('A').fired, few.on('A').suppressed].flat(), ['r', 'r', 'r: max_fires']);
  const day = 86_400_000;
  const runs = world(one('budget: { runs_per_day: 2 }'));
  assert.equal([runs.on('A').fired, runs.on('A').fired, runs.on('A').suppressed].flat(), ['r', 'r', 'r: budget']);
  assert.equal(runs.on('A', {}, day).fired, ['r'], 'a new day');
  const { usd_per_run, usd_per_day } = world(one('budget: { usd_per_run: 2, usd_per_day: 3 }')).decide(event('A'))
    .fired[0]!;
  assert.equal([usd_per_run, usd_per_day], [2, 3]);
  const paid = world(one('budget: { usd_per_day: 1 }'));
  const { fired } = paid.decide(event('A'));
  const { activation } = fired[0]!;
  paid.fact('RUN_START', { run_id: 'x', project_id: 'p', task_id: 't', depth: 1, attempt: 1, activation });
  paid.fact('RUN_STOP', { run_id: 'x', cost_usd: 1.5 });
  assert.equal(paid.on('A').suppressed, ['r: budget']);
  assert.equal(paid.on('A', {}, day).fired, ['r']);
});

test('a start is one run with its first, further runs are added, and what there was no room for is taken off', () => {
  const { decide, on, view, fact: say } = world(one('budget: { runs_per_day: 4 }'));
  const run = (run_id: string, activation: string): void =>
    say('RUN_START', { run_id, project_id: 'p', task_id: 't', depth: 1, attempt: 1, activation, step: 's' });
  const today = (): number | undefined => view.rules.get('r')?.runs_today;
  const [first] = decide(event('A')).fired;
  assert.is(today(), 1);
  run('a', first!.activation);
  assert.is(today(), 1);
  run('b', first!.activation);
  run('c', first!.activation);
  run('d', first!.activation);
  assert.is(today(), 4);
  say('RUN_STOP', { run_id: 'd', reason: 'no_room' });
  assert.is(today(), 3);
  assert.equal(on('A').fired, ['r']);
  assert.equal(on('A').suppressed, ['r: budget']);
  assert.is(view.budgets.size, 0, 'the rule is its own key');
});

test('the task of a start is named after the rule and the time of the event', () => {
  const at = Date.parse('2026-11-21T17:28:39.123Z') - Date.UTC(2026, 10, 21);
  const msg_id = 'MSG-20261121-172839-123000000-PID71-0001';
  const [fired] = world(one('priority: 50')).decide(event('A', {}, at, { msg_id })).fired;
  assert.is(fired?.task_id, 'r-20261121-172839-172839123000000PID710001');
});

test('with "per" each key has a budget of its own, of runs and of money', () => {
  const day = 86_400_000;
  const { decide, on, fact: say } = world(one('budget: { per: data.repo, runs_per_day: 2, usd_per_day: 1 }'));
  const [first] = decide(event('A', { repo: 'a' })).fired;
  assert.is(first?.budget, 'r for "a"');
  assert.equal(on('A', { repo: 'a' }).fired, ['r']);
  assert.equal(
    decide(event('A', { repo: 'a' })).suppressed.map(({ reason, detail }) => `${reason}: ${detail}`),
    ['budget: 2 runs for "a" on 2026-11-21; the budget is 2'],
  );
  const [other] = decide(event('A', { repo: 'b' })).fired;
  const { activation } = other!;
  for (const run_id of ['x', 'y'])
    say('RUN_START', { run_id, project_id: 'p', task_id: 't', depth: 1, attempt: 1, activation });
  assert.equal(on('A', { repo: 'b' }).suppressed, ['r: budget'], 'the second run of one start counts');
  assert.equal(on('A', { repo: 'c' }).fired, ['r']);
  assert.equal(on('A', { repo: 'b' }, day).fired, ['r'], 'a new day');
  say('RUN_STOP', { run_id: 'x', cost_usd: 1.5 }, day);
  assert.equal(
    decide(event('A', { repo: 'b' }, day)).suppressed.map(({ detail }) => detail),
    ['$1.50 spent for "b" on 2026-11-22; the budget is $1.00'],
  );
  assert.equal(on('A', { repo: 'a' }, day).fired, ['r']);
});

test('events of bots and of ourselves from outside start nothing unless the rule says so', () => {
  const { on } = world(
    `rules: [{ id: d, on: A, do: h }, { id: any, on: A, do: h, actor: { not: [] } }, { id: ann, on: A, do: h, actor: { not: ['ann*'] } }]`,
  );
  const from = (actor: string, kind?: string, trust: 'outside' | 'full' = 'outside') =>
    on('A', {}, 0, { actor, trust, ...(kind ? { meta: { actor_kind: kind } } : {}) }).fired;
  assert.equal(from('bob', 'person'), ['d', 'any', 'ann']);
  assert.equal(from('renovate[bot]'), ['any', 'ann']);
  assert.equal(from('x', 'bot'), ['any', 'ann']);
  assert.equal(from('x', 'self'), ['any', 'ann']);
  assert.equal(from('ci[bot]', 'system'), ['d', 'any', 'ann'], 'check results, which bots send');
  assert.equal(from('x', 'bot', 'full'), ['d', 'any', 'ann'], 'said here');
  assert.equal(from('anna', 'person'), ['d', 'any']);
});

test('what our runs and handlers say of an event from outside is no event from outside: it starts what it is for', () => {
  const { on } = world(`rules: [{ id: d, on: A, do: h }, { id: own, on: A, do: h, actor: { not: [self] } }]`);
  const outside = { trust: 'outside', actor: 'renovate[bot]' } as const;
  assert.equal(on('A', {}, 0, outside).fired, ['own'], 'a bot');
  assert.equal(on('A', {}, 0, { ...outside, run_id: 'x' }).fired, ['d'], 'a run that a bot caused');
  const parents = [{ msg_id: 'MSG-1', kind: 'caused_by' }];
  assert.equal(on('A', {}, 0, { ...outside, parents, authentic: true }).fired, ['d', 'own'], 'a handler');
});

test('depth, chain and trust go along the causes that a message names, whoever writes it', () => {
  const { decide, fact: say } = world('rules: [{ id: r, on: [A, RUN_STOP], do: h }]');
  const after = (cause: Event): Event => event('A', {}, 0, { parents: [{ msg_id: cause.msg_id, kind: 'caused_by' }] });
  const began = event('A', {}, 0, { trust: 'outside', actor: 'ann' });
  assert.is(decide(began).fired[0]?.depth, 1);
  let last = began;
  for (let depth = 2; depth < 16; depth++) {
    const [fired] = decide((last = after(last))).fired;
    assert.equal([fired?.depth, fired?.root, fired?.trust], [depth, began.msg_id, 'outside']);
  }
  const over = decide((last = after(last)));
  assert.equal(over.fired, []);
  assert.is(over.suppressed[0]?.reason, 'depth');

  const trusted = event('A');
  decide(trusted);
  const [child] = decide(after(trusted)).fired;
  assert.equal([child?.depth, child?.root, child?.trust], [2, trusted.msg_id, 'full']);

  say('RUN_START', { run_id: 'x', project_id: 'p', task_id: 't', depth: 7, attempt: 1, root: 'MSG-root' });
  const ended = event('RUN_STOP', { run_id: 'x' }, 0, {
    run_id: 'x',
    depth: 7,
    trust: 'outside',
    authentic: true,
    type: 'RUN_STOP',
  });
  decide(ended);
  const [answer] = decide(after(ended)).fired;
  assert.equal([answer?.depth, answer?.root, answer?.trust], [9, 'MSG-root', 'outside']);
});

test('a push of a commit that a run made belongs to the chain of that run', () => {
  const { decide, fact: say } = world(one('priority: 50'));
  say('RUN_START', { run_id: 'x', project_id: 'p', task_id: 't', depth: 3, attempt: 1, root: 'MSG-root' });
  say('RUN_STOP', { run_id: 'x', commits: ['abc'] });
  const [fired] = decide(event('A', { sha: 'abc' }, 0, { trust: 'outside' })).fired;
  assert.equal([fired?.depth, fired?.root], [4, 'MSG-root']);
  const [inside] = decide(event('A', { commits: [{ id: 'abc' }] })).fired;
  assert.is(inside?.depth, 4);
});

test('what our own runs did outside is left out, and it is said which run; what others do with it is not', () => {
  const {
    decide,
    explain,
    fact: say,
  } = world('rules: [{ id: d, on: [CODE_PUSHED, PR_MERGED, COMMENT_ADDED, TEST_FAILED], do: h }]');
  say('RUN_START', { run_id: 'x', project_id: 'p', task_id: 't', depth: 3, attempt: 1, root: 'MSG-root' });
  say('RUN_STOP', { run_id: 'x', commits: ['abc'] });
  const outside = (type: string, data: Record<string, unknown>, meta: Record<string, string> = {}) =>
    event(type, data, 0, { trust: 'outside', actor: 'ann', meta: { actor_kind: 'person', ...meta } });
  const why = (...of: Parameters<typeof outside>): string => {
    const [verdict] = explain(outside(...of));
    return verdict?.verdict === 'fired' ? 'fired' : describeVerdict(verdict!);
  };
  assert.is(why('CODE_PUSHED', { sha: 'abc' }), 'actor: commit abc was made by run x; the rule leaves out "self"');
  assert.is(why('COMMENT_ADDED', {}, { made_by: 'x' }), 'actor: it was made by x; the rule leaves out "self"');
  assert.is(why('COMMENT_ADDED', {}, { made_by: 'nobody' }), 'fired', 'a mark that is none of ours proves nothing');
  assert.is(
    why('CODE_PUSHED', { sha: 'def', commits: [{ id: 'abc' }, { id: 'def' }] }),
    'fired',
    'theirs on top of ours',
  );
  assert.is(why('PR_MERGED', { sha: 'abc' }), 'fired', 'a person merged it');
  assert.is(why('TEST_FAILED', { sha: 'abc' }, { actor_kind: 'system' }), 'fired', 'the check of our commit');
  const [failed] = decide(outside('TEST_FAILED', { sha: 'abc' }, { actor_kind: 'system' })).fired;
  assert.equal([failed?.depth, failed?.root], [4, 'MSG-root'], 'and in the chain of that run');
});

test('an activation whose mark comes back hands on its depth and root', () => {
  const { decide } = world('rules: [{ id: d, on: A, do: h, actor: { not: [] } }]');
  const [first] = decide(event('A', {}, 0, { depth: 2 })).fired;
  const [second] = decide(event('A', {}, 0, { trust: 'outside', meta: { made_by: first!.activation } })).fired;
  assert.equal([second?.depth, second?.root], [4, first?.root]);
});

test('the breaker ends a loop for its entity alone, for a time, and says so once', () => {
  const { on } = world(one('breaker: { fires: 3, within: 1h }'));
  const push = (at: number, branch = 'main') =>
    on('A', { repository: 'acme/app', branch }, at, { trust: 'outside', actor: 'bot' });
  for (let n = 0; n < 3; n++) assert.equal(push(n).fired, ['r']);
  assert.equal(push(3).suppressed, ['r: breaker']);
  assert.equal(push(4, 'other').fired, ['r'], 'another branch');
  assert.equal(push(1_800_000).suppressed, ['r: breaker']);
  assert.equal(push(3_600_003).fired, ['r'], 'after its time');
});

test('a run that changes the files it was started for goes round a hundred times at most; somebody who saves is not held back', () => {
  const { on } = world(one('priority: 50'));
  const change = (at: number, source = 'file:src') => on('A', {}, at, { source });
  for (let n = 0; n < 100; n++) assert.equal(change(n * 1_000).fired, ['r']);
  assert.equal(change(100_000).suppressed, ['r: breaker']);
  assert.equal(change(100_001, 'file:docs').fired, ['r'], 'another watch');
  assert.equal(on('A', {}, 100_002, { source: 'cli' }).fired, ['r'], 'what is no file');
  for (let n = 0; n < 1_000; n++) assert.equal(change(800_000 + n * 7_000).fired, ['r']);
  const free = world(one('breaker: false'));
  for (let n = 0; n < 200; n++) assert.equal(free.on('A', {}, n, { source: 'file:src' }).fired, ['r']);
});

test('the breaker does not trip on healthy traffic', () => {
  const { on } = world(one('priority: 50'));
  let fired = 0;
  for (let minute = 0; minute < 8 * 60; minute++)
    for (let team = 0; team < 3; team++) {
      const who = (minute * 7 + team) % 40;
      const data = { repository: `acme/${team}`, branch: minute % 3 === 0 ? 'main' : `topic-${who}` };
      fired += on('A', data, minute * 60_000, { trust: 'outside', actor: `dev${who}` }).fired.length;
    }
  assert.is(fired, 8 * 60 * 3);
});

test('what runs at a time: queue, skip, supersede', () => {
  const queue = world(one('concurrency: { key: data.k }'));
  const [first] = queue.decide(event('A', { k: 1 })).fired;
  const [second] = queue.decide(event('A', { k: 1 })).fired;
  const [other] = queue.decide(event('A', { k: 2 })).fired;
  assert.equal([...queue.view.ready], [first!.activation, other!.activation]);
  queue.finish(first!.activation);
  assert.ok(queue.view.ready.has(second!.activation), 'the next comes in');

  const skip = world(one('concurrency: { key: data.k, on_conflict: skip }'));
  const [busy] = skip.decide(event('A', { k: 1 })).fired;
  const [left] = skip.decide(event('A', { k: 1 })).suppressed;
  assert.equal([left?.reason, left?.detail], ['concurrency', '1 at work for 1; the limit is 1']);
  skip.finish(busy!.activation);
  assert.equal(skip.on('A', { k: 1 }).fired, ['r']);

  const two = world(one('concurrency: { limit: 2, on_conflict: skip }'));
  assert.equal([two.on('A').fired, two.on('A').fired, two.on('A').suppressed].flat(), ['r', 'r', 'r: concurrency']);
});

test('a group is shared by rules, and who waits comes in by priority', () => {
  const { decide, view, finish } = world(`rules:
  - { id: low, on: L, do: h, priority: 10, concurrency: { key: data.k, group: repo } }
  - { id: high, on: H, do: h, priority: 90, concurrency: { key: data.k, group: repo } }`);
  const [running] = decide(event('L', { k: 1 })).fired;
  const [low] = decide(event('L', { k: 1 })).fired;
  const [high] = decide(event('H', { k: 1 })).fired;
  finish(running!.activation);
  assert.ok(view.ready.has(high!.activation));
  assert.not.ok(view.ready.has(low!.activation));
});

test('who says no priority waits between those that do, and what ended before it began is not begun', () => {
  const { decide, view, finish, on } = world(`rules:
  - { id: low, on: L, do: h, priority: 40, concurrency: { group: g } }
  - { id: plain, on: P, do: h, concurrency: { group: g } }
  - { id: high, on: H, do: h, priority: 60, concurrency: { group: g } }
  - { id: once, on: H, do: h, max_fires: 1 }`);
  const start = (type: string): string => decide(event(type)).fired[0]!.activation;
  let running = start('P');
  const waiting = [start('L'), start('P'), start('H')];
  for (const next of waiting.reverse()) {
    finish(running);
    assert.not.ok(view.ready.has(running));
    assert.ok(view.ready.has(next));
    running = next;
  }
  finish(running);
  assert.is(view.groups.size, 0);
  on('H');
  assert.equal([view.rules.get('once')?.fired, view.rules.get('once')?.suppressed], [1, 1]);
});

test('a disabled rule is not asked until it is enabled again; enabling is stronger than the file', () => {
  const { on, fact: say } = world('rules: [{ id: a, on: A, do: h }, { id: b, on: A, do: h, enabled: false }]');
  assert.equal(on('A').fired, ['a']);
  say('RULE_DISABLED', { rule: 'a', reason: 'x', until: '2026-11-21T00:00:10.000Z' });
  say('RULE_ENABLED', { rule: 'b' });
  assert.equal(on('A', {}, 9_999).fired, ['b']);
  assert.equal(on('A', {}, 10_000).fired, ['a', 'b'], 'its time is over');
});

test('explain names the first clause that failed with the value that was there, or what held the rule back', () => {
  const { explain } = world(`rules:
  - { id: m, on: A, match: { data.x: 1, data.branch: main }, do: h }
  - { id: w, on: A, when: 'event.data.x == 1 && event.data.n > 5.0', do: h }
  - { id: t, on: A, do: h, throttle: { within: 1h } }
  - { id: e, on: A, do: h, when: 'event.data.no.such == 1' }
  - { id: d, on: A, do: h, debounce: { quiet: 5s } }
  - { id: k, on: A, do: h, throttle: { within: 1h, per: data.no } }
  - { id: kk, on: A, do: h, threshold: { at_least: 9, within: 1h, per: [type, data.x] } }
  - { id: off, on: A, do: h, enabled: false }`);
  const said = (data: Record<string, unknown>) =>
    Object.fromEntries(explain(event('A', data)).map((one) => [one.rule, `${one.verdict} ${describeVerdict(one)}`]));
  explain(event('A', {}));
  const why = said({ x: 1, branch: 'dev', n: 2 });
  assert.is(why['m'], 'no_match match.data.branch: wants "main", was "dev"');
  assert.is(why['w'], 'no_match when: wants event.data.n > 5.0, was {"event.data.n":2}');
  assert.is(why['t'], 'suppressed throttled: 1 started within 1h; the limit is 1');
  assert.is(why['e'], 'error No such key: no');
  assert.match(why['d']!, 'held debounce: event 2 of a debounce');
  assert.is(why['k'], 'suppressed throttled: 1 started within 1h; the limit is 1 (data.no: null)');
  assert.match(why['kk']!, /^held threshold: \d of 9 within 1h \(type, data\.x: \["A",1\]\)$/);
  assert.is(why['off'], 'disabled enabled: false in the rule file');
});

test('a start of several events says how many and which, and is keyed by the one that opened it', () => {
  const { replay } = world(one('debounce: { quiet: 5s }'));
  const events = [0, 1, 2].map((at) => event('A', { at }, at * 1_000));
  for (const each of events) replay.decide(each);
  const { fired } = replay.due(Date.parse(events[2]!.ts) + 5_000);
  assert.equal(fired[0]?.folded, { count: 3, events: events.map(({ msg_id }) => msg_id) });
  assert.is(fired[0]?.activation, `r/${events[0]!.msg_id}`);
  assert.is(fired[0]?.event, events[2]!.msg_id);
  assert.is(replay.view.activations.get(fired[0]!.activation)?.cause?.msg_id, events[2]!.msg_id, 'with its event');
  assert.is(replay.view.held.size, 0, 'and nothing is kept longer');
});

test('a window belongs to the rule id: when the rule is gone, what it held is said and dropped', async () => {
  const { Replay } = await import('../../src/router/replay.js');
  const { fold } = await import('../../src/ledger/fold.js');
  const before = world(one('debounce: { quiet: 5s }'));
  before.decide(event('A'));
  const edited = new Replay(tableOf(one('debounce: { quiet: 9s }')), { view: before.view, fold });
  assert.is(edited.due(edited.next()!).fired.length, 1, 'an edit goes on with the window');
  const again = world(one('debounce: { quiet: 5s }'));
  again.decide(event('A'));
  const gone = new Replay(tableOf('rules: [{ id: other, on: B, do: h }]'), { view: again.view, fold });
  assert.is(gone.due(gone.next()!).suppressed[0]?.reason, 'rule_gone');
});

test.run();
