import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanEnvironment, command, project, startService, temporary, tool, until } from '../support/service.js';

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
  const words = (agent: string, prompt: string, more: readonly string[]): string[] => [
    ...['task', '--agent', agent, '--task-id', 'loop', '--root', root, '--cwd', work],
    ...['--prompt', prompt, '--until', 'done', ...more],
  ];
  const loop = (agent: string, prompt: string, ...more: string[]) =>
    tool('run-agent', words(agent, prompt, more), { env, cwd: folder });
  /** We do not wait for it. */
  const begin = (agent: string, prompt: string, ...more: string[]) => {
    const child = spawn(process.execPath, [command('run-agent'), ...words(agent, prompt, more)], {
      env,
      cwd: folder,
      stdio: 'ignore',
    });
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    return { child, ended };
  };
  /** Another task, and how it ends. */
  const later = async (task: string, prompt: string, ...more: string[]): Promise<number | null> =>
    (
      await tool(
        'run-agent',
        ['task', '--agent', 'shell', '--task-id', task, '--root', root, '--prompt', prompt, ...more],
        {
          env,
          cwd: folder,
        },
      )
    ).code;
  const serve = () => startService(['--root', root], { cwd: folder, env });
  const said = async (type: string): Promise<{ body: string; data: Record<string, unknown> }[]> =>
    (await tool('messagebus-tool', ['read', '--root', root, '--type', type, '--json'], { env })).stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as { body: string; data: Record<string, unknown> });
  const runs = () =>
    readdirSync(join(root, 'default', 'loop'))
      .filter((name) => /^\d{8}-/.test(name))
      .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  return { folder, work, env, root, done, loop, later, begin, serve, said, runs };
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

test('a loop that an agent began in the background outlives it, and ends when it is stopped', async () => {
  for (const stops of [false, true]) {
    const world = makeWorld();
    const turn = `${SHELL}[ $n -lt 3 ] || touch "$CONDUCTOR_DONE"`;
    const prompt = `run-agent task --agent shell --task-id inner --until done --prompt '${turn}' >/dev/null 2>&1 &
until test -e count; do sleep 0.05; done
${stops ? 'sleep 100' : ''}`;
    const outer = world.later('outer', prompt);
    if (stops) {
      await until('the inner loop is at work', () => existsSync(join(world.folder, 'count')) || undefined);
      await tool('run-agent', ['stop', '--task', 'outer', '--root', world.root], { env: world.env, cwd: world.folder });
    }
    assert.is(await outer, stops ? 1 : 0);
    const ends = await until('the inner loop has ended', async () => {
      const found = await world.said('RUN_LOOP_ENDED');
      return found.length > 0 ? found : undefined;
    });
    if (stops) assert.match(String(ends[0]?.data['reason']), /^stopped/);
    else assert.is(ends[0]?.data['status'], 'completed');
  }
});

test('money is counted over all turns', async () => {
  const world = makeWorld();
  const prompt = `SCRIPT ${JSON.stringify([{ tool: `date >> '${world.work}/log'` }, { cost: 0.4 }, { result: true }])}`;
  const done = await world.loop('claude', prompt, '--max-usd', '0.5');
  assert.is(done.code, 2);
  assert.match(done.stderr, 'the budget is used up: 0.80 of 0.5 USD');
});

const killed = async (child: ReturnType<typeof spawn>): Promise<void> => {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
};

test('a loop whose run-agent is killed in a turn, and then the service, goes on in the next service', async () => {
  const world = makeWorld();
  const here = (name: string): boolean => existsSync(join(world.work, name));
  const script = `${SHELL}touch began-$n; until test -e go-$n; do sleep 0.05; done; [ $n -lt 3 ] || touch "$CONDUCTOR_DONE"`;
  const { child } = world.begin('shell', script, '--verify', 'test -e go-3');
  await until('the first turn is at work', () => here('began-1') || undefined);
  await killed(child);
  const first = await world.serve();
  writeFileSync(join(world.work, 'go-1'), '');
  await until('the second turn is at work', () => here('began-2') || undefined);
  await killed(first.process);
  writeFileSync(join(world.work, 'go-2'), '');
  const second = await world.serve();
  await until('the third turn is at work', () => here('began-3') || undefined);
  writeFileSync(join(world.work, 'go-3'), '');
  const [end] = await until('the loop has ended', async () => {
    const ends = await world.said('RUN_LOOP_ENDED');
    return ends.length > 0 ? ends : undefined;
  });
  assert.equal([end?.data['status'], end?.data['turns']], ['completed', 3]);
  assert.is(readFileSync(join(world.work, 'count'), 'utf8'), '3\n', 'no turn was begun twice');
  assert.is(world.runs().length, 4, 'three turns and a check');
  assert.is((await world.said('RUN_LOOP_RESUMED')).length, 2);
  await second.stop();
});

test('a service that goes on with a loop gives it the environment it was begun in, but for secrets, which are nowhere written', async () => {
  const world = makeWorld();
  const script = `${SHELL}echo "$TZ $LC_TIME $ANTHROPIC_API_KEY" >zone-$n; until test -e go-$n; do sleep 0.05; done; [ $n -lt 2 ] || touch "$CONDUCTOR_DONE"`;
  Object.assign(world.env, {
    TZ: 'Asia/Tokyo',
    ANTHROPIC_API_KEY: 'sk-never-written',
    HTTPS_PROXY: 'http://me:word@x',
  });
  const { child } = world.begin('shell', script);
  await until('the first turn is at work', () => existsSync(join(world.work, 'zone-1')) || undefined);
  await killed(child);
  Object.assign(world.env, { TZ: 'Europe/Berlin', LC_TIME: 'C' });
  const service = await world.serve();
  for (const name of ['go-1', 'go-2']) writeFileSync(join(world.work, name), '');
  await until('the loop has ended', async () => ((await world.said('RUN_LOOP_ENDED')).length > 0 ? true : undefined));
  await service.stop();
  for (const [name, zone] of [
    ['zone-1', 'Asia/Tokyo  '],
    ['zone-2', 'Asia/Tokyo C '],
  ])
    assert.is(readFileSync(join(world.work, name!), 'utf8'), `${zone}\n`);
  const bus = readFileSync(join(world.root, 'MESSAGE-BUS.md'), 'utf8');
  assert.not.match(bus, /sk-never-written|me:word/);
});

test('without a service "run-agent resume" goes on with it; the run that lives is followed to its end', async () => {
  const world = makeWorld();
  const script = `${SHELL}touch began-$n; until test -e go-$n; do sleep 0.05; done; [ $n -lt 2 ] || touch "$CONDUCTOR_DONE"`;
  const { child } = world.begin('shell', script);
  await until('the first turn is at work', () => existsSync(join(world.work, 'began-1')) || undefined);
  await killed(child);
  const resumed = tool('run-agent', ['resume', '--task', 'loop', '--root', world.root], {
    env: world.env,
    cwd: world.folder,
  });
  for (const name of ['go-1', 'go-2']) writeFileSync(join(world.work, name), '');
  const { code, stdout, stderr } = await resumed;
  assert.equal([code, stdout], [0, 'turn 2\n'], stderr);
  assert.is(world.runs().length, 2);
  assert.is((await world.said('RUN_STOP')).length, 2, 'the end of the first is said, too');
});

test('a service that is told to go lets the turn end, and the next one goes on', async () => {
  const world = makeWorld();
  const script = `${SHELL}touch began-$n; until test -e go-$n; do sleep 0.05; done; [ $n -lt 2 ] || touch "$CONDUCTOR_DONE"`;
  const { child } = world.begin('shell', script);
  await until('the first turn is at work', () => existsSync(join(world.work, 'began-1')) || undefined);
  await killed(child);
  const first = await world.serve();
  first.process.kill('SIGTERM');
  writeFileSync(join(world.work, 'go-1'), '');
  writeFileSync(join(world.work, 'go-2'), '');
  await first.stop();
  assert.not.ok(existsSync(world.done));
  const second = await world.serve();
  await until('it is done', () => existsSync(world.done) || undefined);
  await until('and that is said', async () => (await world.said('RUN_LOOP_ENDED')).length === 1 || undefined);
  await second.stop();
});

test('at a used-up quota it waits for the reset, says so, and "stop" ends the wait', async () => {
  const world = makeWorld();
  const limit = `SCRIPT ${JSON.stringify([{ result: '429 usage limit reached, try again in 3 hours' }, { exit: 1 }])}`;
  const { ended } = world.begin('claude', limit);
  const [paused] = await until('it waits', async () => {
    const told = await world.said('RUN_PAUSED');
    return told.length > 0 ? told : undefined;
  });
  const left = Date.parse(String(paused?.data['until'])) - Date.now();
  assert.ok(left > 2.9 * 3_600_000 && left < 3.1 * 3_600_000, String(paused?.data['until']));
  const second = await world.loop('shell', 'true');
  assert.is(second.code, 2);
  assert.match(second.stderr, 'a loop of default/loop is at work');
  const stopped = await tool('run-agent', ['stop', '--task', 'loop', '--root', world.root], { env: world.env });
  assert.is(stopped.code, 0, stopped.stderr);
  assert.is(await ended, 1);
  assert.is(world.runs().length, 1);
});

test('a turn is told what others said meanwhile, and not what it said itself', async () => {
  const world = makeWorld();
  const turns = [
    [
      { tool: 'messagebus-tool write --type INFO "mine"' },
      { tool: 'RUN_ID= messagebus-tool write --type INFO "of another"' },
      { say: 'first words' },
      { result: true },
    ],
    [{ env: join(world.folder, 'seen') }, { write: [world.done, ''] }, { say: 'x' }, { result: true }],
  ];
  const done = await world.loop('claude', `SCRIPT ${JSON.stringify([{ turn: [join(world.folder, 'turns'), turns] }])}`);
  assert.is(done.code, 0, done.stderr);
  const { prompt } = JSON.parse(readFileSync(join(world.folder, 'seen'), 'utf8')) as { prompt: string };
  const after = prompt.slice(prompt.indexOf('turn 2 of a loop'));
  assert.match(after, 'INFO of another');
  assert.match(after, 'first words');
  assert.not.match(after, 'INFO mine');
});

test('a session is resumed where that is asked for, and begun anew where it is not', async () => {
  for (const session of ['resume', 'fresh']) {
    const world = makeWorld();
    const turns = [
      [{ tool: `touch ${world.work}/x` }, { say: 'one' }, { result: true }],
      [{ env: join(world.folder, 'seen') }, { write: [world.done, ''] }, { say: 'two' }, { result: true }],
    ];
    const prompt = `SCRIPT ${JSON.stringify([{ turn: [join(world.folder, 'turns'), turns] }])}`;
    const done = await world.loop('claude', prompt, '--session', session);
    assert.is(done.code, 0, done.stderr);
    const { args } = JSON.parse(readFileSync(join(world.folder, 'seen'), 'utf8')) as { args: string[] };
    assert.is(args.includes('--resume'), session === 'resume');
  }
});

test('a loop may be asked for while no service runs; until it is done its task is not, and nobody who waits for it begins', async () => {
  const world = makeWorld();
  const conductor = (...args: string[]) =>
    tool('conductor', [...args, '--root', world.root], { env: world.env, cwd: world.folder });
  const script = `${SHELL}touch began-$n; until test -e go-$n; do sleep 0.05; done; [ $n -lt 2 ] || touch "$CONDUCTOR_DONE"`;
  const create = ['task', 'create', '--task', 'loop', '--agent', 'shell', '--cwd', world.work, '--prompt', script];
  const made = await conductor(...create, '--until', 'done');
  assert.equal([made.code, made.stdout], [0, 'loop\n'], made.stderr);
  const statusOf = async (): Promise<string> =>
    (JSON.parse((await conductor('task', 'show', 'loop', '--json')).stdout) as { status: string }).status;
  assert.is(await statusOf(), 'pending');
  const service = await world.serve();
  const after = world.later('after', 'echo x', '--depends-on', 'loop');
  await until('the first turn is at work', () => existsSync(join(world.work, 'began-1')) || undefined);
  writeFileSync(join(world.work, 'go-1'), '');
  await until('the second turn is at work', () => existsSync(join(world.work, 'began-2')) || undefined);
  assert.is(await statusOf(), 'running');
  assert.is((await world.said('RUN_START')).length, 2, 'who waits for it has not begun');
  writeFileSync(join(world.work, 'go-2'), '');
  assert.is(await after, 0);
  assert.is(await statusOf(), 'completed');
  await service.stop();
});

test('a loop begins when what it depends on has completed, also after a restart, and never when that failed', async () => {
  const world = makeWorld();
  const conductor = (...args: string[]) =>
    tool('conductor', [...args, '--root', world.root], { env: world.env, cwd: world.folder });
  const create = async (task: string, prompt: string, ...more: string[]): Promise<void> => {
    const made = await conductor(
      ...['task', 'create', '--task', task, '--agent', 'shell', '--cwd', world.work, '--prompt', prompt, ...more],
    );
    assert.equal([made.code, made.stdout], [0, `${task}\n`], made.stderr);
  };
  const statusOf = async (task: string): Promise<string> =>
    (JSON.parse((await conductor('task', 'show', task, '--json')).stdout) as { status: string }).status;
  const loop = ['--until', 'done', '--depends-on'];
  await create('first', 'until test -e go; do sleep 0.05; done');
  await create('loop', `${SHELL}test -e go && touch "$CONDUCTOR_DONE"`, ...loop, 'first');
  await create('bad', 'exit 2');
  await create('never', `${SHELL}touch never`, ...loop, 'default/bad');
  await create('circle', 'true', ...loop, 'circle');
  for (const stops of [true, false]) {
    const service = await world.serve();
    await until('the first is at work', async () => ((await statusOf('first')) === 'running' ? true : undefined));
    assert.is(await statusOf('loop'), 'pending');
    if (stops) {
      await killed(service.process);
      continue;
    }
    for (const task of ['never', 'circle'])
      await until(`${task} is refused`, async () => ((await statusOf(task)) === 'failed' ? true : undefined));
    writeFileSync(join(world.work, 'go'), '');
    await until('the loop is done', async () => ((await statusOf('loop')) === 'completed' ? true : undefined));
    await service.stop();
  }
  assert.is(readFileSync(join(world.work, 'count'), 'utf8'), '1\n');
  assert.not.ok(existsSync(join(world.work, 'never')));
});

test.run();
