import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanEnvironment, project, temporary, tool } from '../support/service.js';

const makeWorld = () => {
  const folder = temporary('loop');
  const bin = join(folder, 'bin');
  const work = join(folder, 'work');
  for (const path of [bin, work]) mkdirSync(path);
  writeFileSync(
    join(bin, 'claude'),
    `#!/bin/sh\nexec '${process.execPath}' '${join(project, 'test', 'support', 'fake-agent.mjs')}' claude "$@"\n`,
  );
  chmodSync(join(bin, 'claude'), 0o755);
  const env = cleanEnvironment();
  env['PATH'] = `${bin}:${env['PATH']}`;
  const root = join(folder, 'runs');
  const done = join(root, 'default', 'loop', 'DONE');
  const loop = (agent: string, prompt: string, ...more: string[]) =>
    tool(
      'run-agent',
      [
        'task',
        '--agent',
        agent,
        '--task-id',
        'loop',
        '--root',
        root,
        '--cwd',
        work,
        '--prompt',
        prompt,
        '--until',
        'done',
        ...more,
      ],
      { env, cwd: folder },
    );
  const runs = () =>
    readdirSync(join(root, 'default', 'loop'))
      .filter((name) => /^\d{8}-/.test(name))
      .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  return { folder, work, env, root, done, loop, runs };
};

const SHELL = `n=$(cat count 2>/dev/null || echo 0); n=$((n+1)); echo $n >count; echo "turn $n"; `;

test('an agent is started again until DONE is there; one of an earlier loop does not count', async () => {
  const world = makeWorld();
  mkdirSync(join(world.done, '..'), { recursive: true });
  writeFileSync(world.done, '');
  const done = await world.loop('shell', `${SHELL}[ $n -lt 3 ] || touch "$CONDUCTOR_DONE"`);
  assert.is(done.code, 0, done.stderr);
  assert.is(done.stdout, 'turn 3\n');
  assert.is(world.runs().length, 3);
  assert.ok(existsSync(world.done));
});

test('DONE counts only when the check succeeds, and its failure is told to the next turn', async () => {
  const world = makeWorld();
  const acts = (...turns: unknown[]): string =>
    `Write good.\nSCRIPT ${JSON.stringify([{ turn: [join(world.folder, 'turns'), turns] }])}`;
  const done = await world.loop(
    'claude',
    acts(
      [{ write: [world.done, ''] }, { say: 'I am finished' }, { result: true }],
      [
        { env: join(world.folder, 'seen') },
        { write: [join(world.work, 'good'), ''] },
        { write: [world.done, ''] },
        { say: 'now I am' },
        { result: true },
      ],
    ),
    '--verify',
    'test -e good || { echo "good is not there"; exit 1; }',
  );
  assert.is(done.code, 0, done.stderr);
  assert.is(done.stdout, 'now I am\n');
  assert.is(world.runs().length, 4, 'two turns and two checks');
  const { prompt } = JSON.parse(readFileSync(join(world.folder, 'seen'), 'utf8')) as { prompt: string };
  assert.match(prompt, /turn 2 of a loop/);
  assert.match(prompt, 'good is not there');
  assert.match(prompt, 'I am finished');
});

test('a loop in which nothing changes gives up, and says so', async () => {
  const world = makeWorld();
  const done = await world.loop('shell', 'echo "still thinking"', '--max-idle', '2');
  assert.is(done.code, 2);
  assert.match(done.stderr, 'no progress: nothing in');
  assert.is(world.runs().length, 2);
});

test('a loop ends at its restarts, and at a failure that trying again does not mend', async () => {
  const world = makeWorld();
  const many = await world.loop('shell', SHELL, '--max-restarts', '1');
  assert.is(many.code, 2);
  assert.match(many.stderr, 'not done after 1 restarts');
  const permanent = await world.loop('shell', 'exit 2');
  assert.is(permanent.code, 2);
  const wrong = await world.loop('shell', 'x', '--session', 'other');
  assert.is(wrong.code, 2);
  assert.match(wrong.stderr, '--session "other": fresh or resume');
});

test('money is counted over all turns', async () => {
  const world = makeWorld();
  const prompt = `SCRIPT ${JSON.stringify([{ tool: `date >> '${world.work}/log'` }, { cost: 0.4 }, { result: true }])}`;
  const done = await world.loop('claude', prompt, '--max-usd', '0.5');
  assert.is(done.code, 2);
  assert.match(done.stderr, 'the budget is used up: 0.80 of 0.5 USD');
});

test.run();
