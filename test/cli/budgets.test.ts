import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanEnvironment, project, temporary, tool, withinOneDay } from '../support/service.js';

const openWorld = (budgets: unknown) => {
  const folder = temporary('budgets');
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const agent = join(project, 'test', 'support', 'fake-agent.mjs');
  writeFileSync(join(bin, 'claude'), `#!/bin/sh\nexec '${process.execPath}' '${agent}' claude "$@"\n`);
  chmodSync(join(bin, 'claude'), 0o755);
  writeFileSync(join(folder, 'config.yaml'), JSON.stringify({ budgets }));
  const env = cleanEnvironment();
  env['PATH'] = `${bin}:${env['PATH']}`;
  return (task: string, ...acts: unknown[]) => {
    const prompt = `SCRIPT ${JSON.stringify([...acts, { say: 'done' }, { result: true }])}`;
    return tool('run-agent', ['task', '--agent', 'claude', '--task-id', task, '--prompt', prompt], {
      cwd: folder,
      env,
    });
  };
};

test.before.each(withinOneDay);

test('a task that used up its budget starts nothing more, and other tasks do', async () => {
  const run = openWorld({ task: { usd: 0.5 } });
  assert.is((await run('one', { cost: 0.3 })).code, 0);
  const second = await run('one', { cost: 0.3 });
  assert.is(second.code, 2, 'it was given what is left, and claude itself ends there');
  assert.match(second.stderr, 'budget: error_max_budget_usd');
  const third = await run('one', { cost: 0.3 });
  assert.is(third.code, 2);
  assert.match(third.stderr, 'budget: the budget of the task default/one is used up');
  assert.is((await run('two', { cost: 0.3 })).code, 0);
});

test('what its runs start in other tasks is of its budget, too', async () => {
  const run = openWorld({ task: { tokens: 1_000 } });
  const child = `SCRIPT ${JSON.stringify([{ usage: [2_000, 1] }, { say: 'child' }, { result: true }])}`;
  const first = await run('parent', { tool: `run-agent task --task-id child --prompt '${child}' && true` });
  assert.is(first.code, 2, 'it is ended when it hears of its child');
  const second = await run('parent');
  assert.match(second.stderr, 'the budget of the task default/parent is used up');
});

test('a day has a budget for all together', async () => {
  const run = openWorld({ day: { usd: 0.6 } });
  const first = await run('one', { cost: 0.6 });
  assert.is(first.code, 0, first.stderr);
  const second = await run('two', { cost: 0.1 });
  assert.is(second.code, 2);
  assert.match(second.stderr, /the budget of the day \d{4}-\d\d-\d\d is used up/);
});

test('runs of several processes at once do not go over the budget of a day', async () => {
  const run = openWorld({ day: { usd: 1 }, run: { usd: 0.6 } });
  const ends = await Promise.all(['one', 'two', 'three'].map((task) => run(task, { cost: 0.5 }, { sleep: 200 })));
  assert.equal(ends.map(({ code }) => code).sort(), [0, 0, 2]);
  assert.match(ends.find(({ code }) => code === 2)?.stderr ?? '', /the budget of the day \d{4}-\d\d-\d\d is used up/);
});

test.run();
