import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openWorld, type World } from '../pipeline/world.js';
import { project, until } from '../support/service.js';

const folder = join(project, 'handlers');
const names = readdirSync(join(folder, 'examples')).map((file) => `example-${file.replace(/\.(yaml|ts)$/, '')}`);
const seen = new Set<string>();

let world: World;
test.before(async () => {
  world = await openWorld({ files: {}, folder });
  world.setRules(names);
  await world.restart();
});
test.after(() => world.close());

const run = async (name: string, data: Record<string, unknown> = {}) => {
  seen.add(name);
  const activation = await world.begin(name, data);
  const end = await world.end(activation);
  const folder_ = world.taskFolder(activation);
  return {
    end,
    steps: await world.steps(activation),
    read: (file: string): string => {
      const path = join(folder_, file);
      return existsSync(path) ? readFileSync(path, 'utf8') : '';
    },
    said: async (type: string) =>
      (await world.events(type)).find((event) => event.parents.some(({ msg_id }) => activation.endsWith(msg_id))),
    folder: folder_,
  };
};

test('pipeline: what is handed over is there before the next step begins', async () => {
  const { end, steps, folder: task } = await run('example-pipeline');
  assert.is(end['status'], 'completed', String(end['error']));
  assert.is(Object.values(steps).find(({ step }) => String(step).endsWith('publish'))!['output'], 'apple\npear\n');
  assert.equal(readdirSync(join(task, 'artifacts')).sort(), ['clean', 'raw']);
});

test('fan-out: a failing part is told, and the others count', async () => {
  const { steps } = await run('example-fan-out');
  assert.is(steps['report']!['output'], 'good: api web docs \nbad: broken \n');
});

test('map-reduce: counts are added up', async () => {
  const { said } = await run('example-map-reduce');
  assert.equal((await said('WORDS_COUNTED'))!.data, { total: 9 });
});

test('sync: both lanes read the contract that one of them wrote', async () => {
  const { steps } = await run('example-sync');
  assert.is(steps['integration']!['output'], '2\n');
});

test('compare: answers stand side by side, and the majority wins', async () => {
  const { said } = await run('example-compare');
  const compared = (await said('COMPARED'))!;
  assert.is(compared.data['winner'], 'spaces');
  assert.match(compared.body, /# Comparison\n\n## cautious\n\ntabs\n\n## bold\n\nspaces/);
});

test('review: findings go back to the primary until both approve', async () => {
  const { end, steps } = await run('example-review');
  assert.is(end['status'], 'completed', String(end['error']));
  assert.match(String(steps['0.rounds#1.primary']!['output']), 'add a and b\n');
  assert.match(String(steps['0.rounds#2.primary']!['output']), 'both are numbers');
  assert.not(steps['0.rounds#3.primary']);
});

test('phases: a failed validation rolls back its phase and the one before', async () => {
  const { end, read } = await run('example-phases');
  assert.is(end['status'], 'failed');
  assert.match(String(end['error']), 'tasks_module');
  assert.is(read('migrated'), '');
  assert.is(read('log'), 'tasks taken back\nusers taken back\n');
});

test('conditional: the analysis decides who works', async () => {
  const chosen = async (complexity: number): Promise<unknown> => {
    const { steps } = await run('example-conditional', { complexity });
    return Object.values(steps).find(({ step }) => String(step).endsWith('chosen'))!['output'];
  };
  assert.is(await chosen(20), 'refactor\n');
  assert.is(await chosen(3), 'clean the comments\n');
});

test('refine: goes on until the score is reached', async () => {
  const { said } = await run('example-refine');
  const refined = (await said('REFINED'))!;
  assert.is(refined.body, 'better better ');
  assert.equal(refined.data, { iterations: 2, met: true, score: 8, best: 8 });
});

test('supervise: goes on until the command accepts; the workers are runs of their own', async () => {
  const { end, steps } = await run('example-supervise');
  assert.is(end['status'], 'completed', String(end['error']));
  assert.is(steps['project.rounds#2.supervisor']!['output'], 'a design\nsome tests\n');
  assert.not(steps['project.rounds#3.supervisor']);
  const children = (await world.events('RUN_START')).filter(({ data }) => data['parent_run_id'] !== undefined);
  assert.is(children.length, 3);
});

test('decompose: parts are planned in turn, done and put together', async () => {
  const { end, steps } = await run('example-decompose');
  assert.is(end['status'], 'completed', String(end['error']));
  assert.is(String(steps['tree.combine']!['output']).replace(/\n+/g, '\n'), 'did unit a.1\ndid unit a.2\ndid readme\n');
});

test('wait: takes the answer to its own question', async () => {
  seen.add('example-wait');
  const activation = await world.begin('example-wait');
  await until('it waits', () => world.ledger.view.activations.get(activation)?.started.get('quote'));
  await world.say('QUOTE_GIVEN', { ticket: 'another' }, '1 euro');
  await world.say('QUOTE_GIVEN', { ticket: activation.split('/')[1] }, '5 euro');
  assert.is((await world.end(activation))['status'], 'completed');
  assert.is((await world.events('QUOTE_TAKEN'))[0]!.body, '5 euro');
});

test('saga: what was done is taken back in reverse, and a compensation that fails is tried again', async () => {
  const { end, read } = await run('example-saga');
  assert.match(String(end['error']), 'no car');
  assert.equal(read('log').trim().split('\n'), [
    'booked flight',
    'booked hotel',
    'gave back hotel',
    'gave back hotel',
    'gave back flight',
  ]);
});

test('retry: the third try succeeds', async () => {
  const { steps } = await run('example-retry');
  assert.is(steps['fetch']!['attempts'], 3);
});

test('rollout: the first instance that is not healthy is rolled back, and ends it', async () => {
  const { end, read } = await run('example-rollout');
  assert.is(end['status'], 'failed');
  const log = read('log').trim().split('\n');
  assert.equal([...log].sort(), [
    'deploy four',
    'deploy one',
    'deploy three',
    'deploy two',
    'roll back three',
    'smoke four',
    'smoke one',
    'smoke two',
  ]);
  assert.ok(Math.max(log.indexOf('smoke one'), log.indexOf('smoke two')) < log.indexOf('deploy three'));
});

test('cache: the same file is analyzed once', async () => {
  writeFileSync(join(world.work, 'analyzed.txt'), 'some text');
  const cached = async (): Promise<unknown> => (await (await run('example-cache')).said('ANALYZED'))!.data['cached'];
  assert.is(await cached(), '');
  assert.match(String(await cached()), /^\d{8}-/);
  assert.is(world.file('analysis.log'), 'ran\n');
});

test('approve: waits for a yes', async () => {
  seen.add('example-approve');
  const activation = await world.begin('example-approve');
  const started = await until('it asks', () => world.ledger.view.activations.get(activation)?.started.get('ok'));
  assert.is(started.question, 'Really drop the old table?');
  const approval = `${activation}/ok`;
  await world.ledger.record([{ type: 'APPROVAL_DECIDED', data: { approval, decision: 'approve', by: 'ada' } }]);
  assert.is((await world.end(activation))['status'], 'completed');
});

test('combined: handlers within handlers, and a failure that is compensated', async () => {
  const { end, steps, said } = await run('example-combined');
  assert.is(end['status'], 'completed', String(end['error']));
  assert.is(steps['quality.improve.note']!['status'], 'completed');
  assert.is(steps['release']!['status'], 'failed');
  assert.match((await said('RELEASE_FAILED'))!.body, 'three');
});

test('ralph: the same work until it is done', async () => {
  const { end, read } = await run('example-ralph');
  assert.is(end['status'], 'completed', String(end['error']));
  assert.is(read('progress'), 'x\nx\nx\n');
});

test('triage: in TypeScript, a function chooses between the steps', async () => {
  const { end, said, steps } = await run('example-triage');
  assert.is(end['status'], 'completed', String(end['error']));
  assert.is((await said('TRIAGED'))!.body, 'first b.ts, for GO_EXAMPLE_TRIAGE');
  assert.is(Object.keys(steps).filter((path) => path.startsWith('looked[')).length, 2);
});

test('every shipped example was run', () => {
  assert.equal([...seen].sort(), [...names].sort());
});

test.run();
