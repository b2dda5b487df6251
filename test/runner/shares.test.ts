import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom, NEVER, toArray } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { clock } from '../../src/cli/system.js';
import type { AttemptSpec } from '../../src/core/ports.js';
import type { AgentEvent, RunLimits } from '../../src/core/run.js';
import { expectedOf, shareOf, type Level } from '../../src/core/share.js';
import { openFileBus } from '../../src/bus/file-bus.js';
import { runAttempts } from '../../src/pipeline/attempts.js';
import { createRunner } from '../../src/runner/runner.js';
import { temporary, until, withinOneDay } from '../support/service.js';
import { openWorld, script, type Act } from './world.js';

const level = (limits: RunLimits, spent: number, kept: number): Level => ({
  name: 'the day',
  limits,
  spent: { usd: spent, tokens: 0 },
  kept: { usd: kept, tokens: 0 },
});

test.before.each(withinOneDay);

test('a run gets its own limit, or what is left where nobody beside it keeps any', () => {
  assert.equal(shareOf({ usd: 2 }, []), { limits: { usd: 2 } });
  assert.equal(shareOf({ usd: 2 }, [level({ usd: 5 }, 1, 2)]), { limits: { usd: 2 } });
  assert.equal(shareOf({ usd: 2 }, [level({ usd: 5 }, 4, 0)]), { limits: { usd: 1 } });
  assert.equal(shareOf({}, [level({ usd: 5 }, 1, 3)]), { limits: { usd: 1 } });
  assert.equal(shareOf({ idle_ms: 5 }, [level({ tokens: 7 }, 0, 0)]), { limits: { idle_ms: 5, tokens: 7 } });
});

test('it waits for what others keep, and is refused what they used up', () => {
  assert.equal(shareOf({ usd: 2 }, [level({ usd: 5 }, 1, 3)]), { waits: 'the day' });
  assert.equal(shareOf({}, [level({ usd: 5 }, 1, 4)]), { waits: 'the day' });
  assert.equal(shareOf({ usd: 2 }, [level({ usd: 5 }, 5, 0)]), { over: 'the day' });
  // What sums of dollars are off by is no reason to wait.
  assert.ok('limits' in shareOf({ usd: 0.1 }, [level({ usd: 0.3 }, 0.1, 0.1)]));
});

test('one without a limit is expected to use up what the dearest like it did, or a part of the smallest budget', () => {
  const budgets = [level({ usd: 8 }, 1, 0), level({ usd: 4, tokens: 1_600 }, 0, 0)];
  assert.equal(expectedOf({}, budgets, { usd: 3, tokens: 0 }), { usd: 3, tokens: 100 });
  assert.equal(expectedOf({ usd: 1 }, budgets, { usd: 3, tokens: 7 }), { tokens: 7 });
  assert.equal(expectedOf({}, [level({}, 0, 0)], { usd: 3, tokens: 7 }), {});
  assert.equal(shareOf({}, [level({ usd: 5 }, 1, 2)], { usd: 3 }), { waits: 'the day' });
  assert.equal(shareOf({}, [level({ usd: 5 }, 3, 0)], { usd: 3 }), { limits: { usd: 2 } });
});

const inFolder = (root: string, name: string): string[] => readdirSync(join(root, '.conductor', name));

/** Runs under budgets, said on the bus as the pipeline does. */
const openBudgets = async (config: { task?: RunLimits; day?: RunLimits; run?: RunLimits }, price?: boolean) => {
  const world = await openWorld({ config: { claude: price ? { price: { input: 1, output: 1 } } : {} } });
  const settings = { durability: 'os' as const, rotation: { bytes: 1e9, age_ms: 1e9 } };
  const open = async () => {
    const bus = await openFileBus({ root: world.root.path, key: world.root.key, clock, ...settings });
    const runner = createRunner({
      rootPath: world.root.path,
      runs: world.runs,
      agents: world.agents,
      clock,
      environment: world.environment,
      slots: world.slots,
      budgets: { bus, config: { run: {}, task: {}, day: {}, ...config } },
    });
    return { bus, runner };
  };
  const { bus, runner } = await open();
  const work = temporary('shares');
  /** Works until its file is there. */
  const begin = (name: string, acts: Act[], more: Partial<AttemptSpec> = {}) => {
    const told: AgentEvent[] = [];
    const [began, go] = [join(work, `${name}-began`), join(work, `${name}-go`)];
    const wait: Act = { tool: `until [ -e ${go} ]; do sleep 0.05; done` };
    const spec = world.specOf('claude', script({ write: [began, ''] }, wait, ...acts), { task_id: name, ...more });
    const end = runAttempts(
      { bus, runner, ids: world.ids, agents: world.agents, clock, random: () => 0 },
      { ...spec, onEvent: (event) => told.push(event), retry: { attempts: 1, base_ms: 1, cap_ms: 1 } },
      NEVER,
    ).then((result) => result.end);
    return {
      end,
      told,
      hasBegun: () => existsSync(began),
      go: () => writeFileSync(go, ''),
      waits: () => told.some((event) => event.kind === 'warning' && event.message.includes('is kept for runs beside')),
    };
  };
  return { ...world, begin, runner, bus };
};

test('runs beside each other do not go over a budget together: a limit is kept for each', async () => {
  const { begin } = await openBudgets({ day: { usd: 1 }, run: { usd: 0.6 } });
  const one = begin('one', [{ cost: 0.5 }, { result: true }]);
  await until('the first is at work', () => one.hasBegun() || undefined);
  const two = begin('two', [{ cost: 0.4 }, { result: true }]);
  const three = begin('three', [{ result: true }]);
  await until('the others wait', () => (two.waits() && three.waits()) || undefined);
  assert.not.ok(two.hasBegun() || three.hasBegun());
  one.go();
  assert.is((await one.end).status, 'completed');
  const next = await until('one of them has begun', () => [two, three].find((run) => run.hasBegun()));
  next.go();
  await next.end;
  for (const run of [two, three]) run.go();
  const ends = await Promise.all([two.end, three.end]);
  const spent = [0.5, ...ends.map(({ cost_usd }) => cost_usd ?? 0)].reduce((sum, usd) => sum + usd, 0);
  assert.ok(spent <= 1, `${spent} of 1`);
});

test('one that waits for a budget keeps no slot from others, and can be stopped', async () => {
  const { begin, runner, slots, root } = await openBudgets({ task: { usd: 1 }, run: { usd: 1 } });
  const one = begin('same', [{ result: true }], { task_id: 'same' });
  await until('it is at work', () => one.hasBegun() || undefined);
  const waiting = begin('waiting', [{ result: true }], { task_id: 'same' });
  await until('the second waits', () => waiting.waits() || undefined);
  const other = begin('other', [{ result: true }]);
  await until('another task begins', () => other.hasBegun() || undefined);
  assert.equal(slots.waiting(), []);
  const living = inFolder(root.path, 'raw');
  const stopped = living.find((run_id) => !existsSync(join(root.path, '.conductor', 'accounts', run_id)));
  await runner.stop({ run_id: stopped ?? '', project_id: 'test', task_id: 'same' }, 'enough');
  assert.match((await waiting.end).reason ?? '', /^stopped/);
  one.go();
  other.go();
  await Promise.all([one.end, other.end]);
  assert.equal(inFolder(root.path, 'accounts'), [], 'nothing is kept for those that have ended');
});

const message = (id: string, tokens: number): Act => ({
  half: `${JSON.stringify({ type: 'assistant', message: { id, content: [], usage: { input_tokens: tokens, output_tokens: 0 } } })}\n`,
});

test('what a run itself used up so far is not left to its children, nor to runs of its task', async () => {
  const world = await openBudgets({ task: { usd: 10 } }, true);
  const go = join(temporary('go'), 'go');
  const parent = world.specOf(
    'claude',
    script(message('a', 4_000_000), { tool: `until [ -e ${go} ]; do sleep 0.05; done` }, { result: true }),
  );
  const ended = lastValueFrom(world.runner.attempt(parent).pipe(toArray()));
  const account = join(world.root.path, '.conductor', 'accounts', parent.run_id);
  await until(
    'it told what it used',
    () => (existsSync(account) && readFileSync(account, 'utf8').includes('"usd":4')) || undefined,
  );
  for (const more of [{ parent_run_id: parent.run_id, depth: 1 }, {}]) {
    const env = join(temporary('seen'), 'env');
    const spec = world.specOf('claude', script({ env }, { result: true }), more);
    await lastValueFrom(world.runner.attempt(spec).pipe(toArray()));
    const { args } = JSON.parse(readFileSync(env, 'utf8')) as { args: string[] };
    assert.is(args[args.indexOf('--max-budget-usd') + 1], '6');
  }
  writeFileSync(go, '');
  await ended;
});

test('a run is ended when it and the runs beside it have used up what they share', async () => {
  const world = await openBudgets({ task: { tokens: 1_000 } });
  const beside = { task_id: 'shared' };
  const one = world.begin('one', [message('a', 600), { hang: true }], beside);
  const two = world.begin('two', [message('b', 600), { hang: true }], beside);
  await until('both are at work', () => (one.hasBegun() && two.hasBegun()) || undefined);
  one.go();
  const accounts = (): string =>
    inFolder(world.root.path, 'accounts')
      .map((name) => readFileSync(join(world.root.path, '.conductor', 'accounts', name), 'utf8'))
      .join('');
  await until('the first told', () => accounts().includes('600') || undefined);
  two.go();
  assert.is((await two.end).reason, 'budget');
  const refused = world.begin('three', [], beside);
  assert.match((await refused.end).error_summary ?? '', 'the budget of the task test/shared is used up');
  const living = inFolder(world.root.path, 'raw');
  await world.runner.stop({ run_id: living[0] ?? '', project_id: 'test', task_id: 'shared' }, 'enough');
  await one.end;
});

test('runs without a limit whose agent tells its cost at the end go one by one where two like the dearest do not fit', async () => {
  const { begin } = await openBudgets({ day: { usd: 2 } });
  const first = begin('first', [{ cost: 0.7 }, { result: true }]);
  first.go();
  await first.end;
  const one = begin('one', [{ cost: 0.6 }, { result: true }]);
  await until('it is at work', () => one.hasBegun() || undefined);
  const two = begin('two', [{ cost: 0.7 }, { result: true }]);
  const late = begin('late', [{ result: true }]);
  await until('the others wait', () => (two.waits() && late.waits()) || undefined);
  one.go();
  assert.is((await one.end).status, 'completed');
  const next = await until('one of them has begun', () => [two, late].find((run) => run.hasBegun()));
  assert.not([two, late].every((run) => run.hasBegun()));
  next.go();
  await next.end;
  for (const run of [two, late]) run.go();
  const ends = await Promise.all([two.end, late.end]);
  assert.equal(
    ends.map(({ status }) => status),
    ['completed', 'completed'],
  );
});

test('a child does not wait for what its parent may use up, and is not given what another run keeps', async () => {
  const { begin, runs, root } = await openBudgets({ day: { usd: 1 } });
  const parent = begin('parent', [{ result: true }]);
  await until('it is at work', () => parent.hasBegun() || undefined);
  const [parent_run_id] = inFolder(root.path, 'accounts');
  const beside = begin('beside', [{ result: true }], { limits: { usd: 0.9 } });
  await until('it is, too', () => beside.hasBegun() || undefined);
  const child = begin('child', [{ result: true }], { parent_run_id: parent_run_id!, depth: 1 });
  child.go();
  const { run_id } = await child.end;
  const info = await runs.find({ project_id: 'test', task_id: 'child', run_id });
  assert.is(Number(/--max-budget-usd ([\d.]+)/.exec(info?.commandline ?? '')?.[1]).toFixed(3), '0.100');
  for (const run of [parent, beside]) run.go();
  await Promise.all([parent.end, beside.end]);
});

test('what a run tells at its end stops those beside it that share the budget it used up', async () => {
  const { begin } = await openBudgets({ day: { usd: 1 } });
  const quiet = begin('quiet', [{ result: true }]);
  const dear = begin('dear', [{ cost: 1.2 }, { result: true }]);
  await until('both are at work', () => (quiet.hasBegun() && dear.hasBegun()) || undefined);
  dear.go();
  assert.is((await dear.end).cost_usd, 1.2);
  const end = await quiet.end;
  assert.equal([end.status, end.reason], ['failed', 'budget']);
});

test("a rule's money of a day is counted at the start of each of its runs, those at work and their children included", async () => {
  const { begin } = await openBudgets({});
  const of = (id: string, more: Partial<AttemptSpec> = {}): Partial<AttemptSpec> => ({
    activation: `${id}/MSG-1`,
    rule: { id, usd_per_day: 1 },
    ...more,
  });
  const one = begin('one', [{ cost: 0.8 }, { result: true }], of('dear', { limits: { usd: 0.8 } }));
  await until('it is at work', () => one.hasBegun() || undefined);
  const two = begin('two', [{ cost: 0.2 }, { result: true }], of('dear', { limits: { usd: 0.8 } }));
  await until('the next waits', () => two.waits() || undefined);
  const other = begin('other', [{ result: true }], of('cheap'));
  await until('another rule has its own', () => other.hasBegun() || undefined);
  for (const run of [one, two, other]) run.go();
  await Promise.all([one.end, two.end, other.end]);
  const refused = await begin('three', [{ result: true }], of('dear')).end;
  assert.is(refused.reason, 'budget');
  assert.match(refused.error_summary ?? '', /^the budget of the rule dear on \d{4}-\d\d-\d\d is used up/);
});

test('where each key of a rule has its own money, a run spends from that of its key', async () => {
  const { begin } = await openBudgets({});
  const of = (key: string): Partial<AttemptSpec> => ({
    activation: 'dear/MSG-1',
    rule: { id: `dear for "${key}"`, usd_per_day: 1 },
  });
  const one = begin('one', [{ cost: 1.1 }, { result: true }], of('a'));
  one.go();
  await one.end;
  const other = begin('other', [{ result: true }], of('b'));
  other.go();
  assert.is((await other.end).status, 'completed');
  const refused = await begin('three', [{ result: true }], of('a')).end;
  assert.match(refused.error_summary ?? '', /^the budget of the rule dear for "a" on /);
});

test.run();
