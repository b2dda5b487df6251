import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cgroupBase } from '../../src/runner/cgroup.js';
import { cleanEnvironment, command, project, startService, temporary, tool, until } from '../support/service.js';

interface Said {
  type: string;
  run_id: string;
  data: Record<string, unknown>;
}

const makeWorld = () => {
  const folder = temporary('nested');
  const root = join(folder, 'runs');
  const env = cleanEnvironment();
  writeFileSync(join(folder, 'config.yaml'), 'defaults: { max_concurrent: 1 }\ntimers: {}\n');
  const script = (name: string, text: string): string => {
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}`);
    return join(folder, name);
  };
  const task = (name: string, prompt: string, ...more: string[]) => [
    ...['task', '--agent', 'shell', '--task-id', name, '--prompt-file', prompt],
    ...['--root', root, '--config', join(folder, 'config.yaml'), ...more],
  ];
  const read = async (type: string): Promise<Said[]> =>
    (await tool('messagebus-tool', ['read', '--root', root, '--type', type, '--json'], { env })).stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Said);
  const info = (name: string): string => {
    try {
      const [run] = readdirSync(join(root, 'default', name));
      return readFileSync(join(root, 'default', name, run!, 'run-info.yaml'), 'utf8');
    } catch {
      // Its folder is not there yet.
      return '';
    }
  };
  return { folder, root, env, script, task, read, info };
};

test('with one slot for all, parents that wait for their children end, to the deepest', async () => {
  const world = makeWorld();
  const nested = world.script(
    'nested.sh',
    `[ "$CURRENT_DEPTH" -ge 4 ] && { echo bottom; exit; }\nexec run-agent task --agent shell --config '${world.folder}/config.yaml' --task-id "level-$((CURRENT_DEPTH + 1))" --prompt-file '${world.folder}/nested.sh'\n`,
  );
  const done = await tool('run-agent', world.task('level-0', nested), { env: world.env });
  assert.is(done.code, 0, done.stderr);
  assert.is(done.stdout, 'bottom\n');
});

test('a parent whose child does not know of it lends its slot all the same', async () => {
  const world = makeWorld();
  const config = join(world.folder, 'config.yaml');
  const child = world.script('child.sh', 'echo bottom\n');
  const start = `run-agent task --agent shell --config '${config}' --root '${world.root}' --task-id child --prompt-file '${child}'`;
  const parent = world.script('parent.sh', `exec env -i PATH="$PATH" ${start}\n`);
  const done = await tool('run-agent', world.task('parent', parent), { env: world.env });
  assert.is(done.code, 0, done.stderr);
  assert.is(done.stdout, 'bottom\n');
  const id = (text: string, key: string): string | undefined => new RegExp(`^${key}: (.*)$`, 'm').exec(text)?.[1];
  assert.is(id(world.info('child'), 'parent_run_id'), id(world.info('parent'), 'run_id'));
});

test('a child is a level deeper whatever it claims: its environment, its parents and its file may lie', async () => {
  const world = makeWorld();
  const config = join(world.folder, 'config.yaml');
  writeFileSync(config, 'timers: {}\n');
  world.script('child.sh', 'true\n');
  const start = (name: string): string =>
    `run-agent task --agent shell --config '${config}' --root "$CONDUCTOR_ROOT" --task-id ${name} --prompt-file '${world.folder}/child.sh'`;
  const names = ['claims', 'empty', ...(cgroupBase() === undefined ? [] : ['daemon'])];
  const parent = world.script(
    'parent.sh',
    `sed -i 's/^depth: .*/depth: -7/' "$CONDUCTOR_RUN_DIR/run-info.yaml"
CURRENT_DEPTH=-7 RUN_ID= ${start('claims')}
env -i PATH="$PATH" CONDUCTOR_ROOT="$CONDUCTOR_ROOT" ${start('empty')}
(env -i PATH="$PATH" CONDUCTOR_ROOT="$CONDUCTOR_ROOT" setsid sh -c '${start('daemon').replaceAll("'", `'\\''`)}' >/dev/null 2>&1 </dev/null &)
for name in ${names.join(' ')}; do until grep -qs completed "$CONDUCTOR_ROOT"/default/$name/*/run-info.yaml; do sleep 0.05; done; done
`,
  );
  const done = await tool('run-agent', world.task('parent', parent), { env: world.env });
  assert.is(done.code, 0, done.stderr);
  const started = await world.read('RUN_START');
  for (const name of names)
    assert.is(started.find(({ data }) => data['task_id'] === name)?.data['depth'], 1, `the depth of ${name}`);
});

test('children that a parent left behind are awaited, and the time they take is not the parent’s', async () => {
  const world = makeWorld();
  world.script('child.sh', 'sleep 2; echo child\n');
  const parent = world.script(
    'parent.sh',
    `run-agent task --agent shell --config '${world.folder}/config.yaml' --task-id child --prompt-file '${world.folder}/child.sh' >/dev/null &\nuntil grep -qs running "$CONDUCTOR_ROOT"/default/child/*/run-info.yaml; do sleep 0.05; done\necho parent\n`,
  );
  const done = await tool('run-agent', world.task('parent', parent, '--timeout', '1500ms'), { env: world.env });
  assert.is(done.code, 0, done.stderr);
  assert.is(done.stdout, 'parent\n');
  assert.match(world.info('child'), /^status: completed$/m, 'it had ended when its parent did');
  const stops = await world.read('RUN_STOP');
  assert.equal(
    stops.map(({ data }) => data['status']),
    ['completed', 'completed'],
  );
});

test('stopping a parent stops its children, and the end of both is said', async () => {
  const world = makeWorld();
  world.script('child.sh', 'sleep 1000\n');
  const parent = world.script(
    'parent.sh',
    `run-agent task --agent shell --config '${world.folder}/config.yaml' --task-id child --prompt-file '${world.folder}/child.sh'\n`,
  );
  const starter = spawn(process.execPath, [command('run-agent'), ...world.task('parent', parent)], {
    cwd: project,
    env: world.env,
    stdio: 'ignore',
  });
  const exited = new Promise<number | null>((resolve) => starter.once('exit', resolve));
  await until('the child runs', () => /^pid: \d/m.test(world.info('child')));
  const child_pid = Number(/^pid: (\d+)$/m.exec(world.info('child'))?.[1]);
  starter.kill('SIGINT');
  assert.is(await exited, 1);
  assert.not.ok(existsSync(`/proc/${child_pid}`), 'the child is gone');
  const stops = await until('both ends are said', async () => {
    const said = await world.read('RUN_STOP');
    return said.length === 2 ? said : undefined;
  });
  for (const { data } of stops) assert.match(String(data['reason']), /^stopped/);
});

test('who waits for a slot is listed, moved and cancelled by commands', async () => {
  const world = makeWorld();
  const go = join(world.folder, 'go');
  const first = world.script('first.sh', `until [ -e '${go}' ]; do sleep 0.05; done\n`);
  const second = world.script('second.sh', 'echo never\n');
  const running = tool('run-agent', world.task('first', first), { env: world.env });
  await until('the first runs', () => /^pid: \d/m.test(world.info('first')));
  const waiting = tool('run-agent', world.task('second', second), { env: world.env });
  const queue = (...words: string[]) =>
    tool('conductor', ['queue', ...words, '--root', world.root], { env: world.env });
  const list = async (): Promise<{ run_id: string; priority: number; task_id: string }[]> =>
    (JSON.parse((await queue('--json')).stdout) as { waiting: { run_id: string; priority: number; task_id: string }[] })
      .waiting;
  const [place] = await until('the second waits', async () => {
    const places = await list();
    return places.length === 1 ? places : undefined;
  });
  assert.equal([place?.task_id, place?.priority], ['second', 5]);
  assert.is((await queue('move', place!.run_id, '--priority', '1')).code, 0);
  assert.is((await list())[0]?.priority, 1);
  assert.is((await queue('cancel', place!.run_id)).code, 0);
  assert.is((await waiting).code, 1, 'its starter is told');
  assert.match((await queue('cancel', place!.run_id)).stderr, 'does not wait for a slot');
  assert.equal(await list(), []);
  writeFileSync(go, '');
  assert.is((await running).code, 0);
  assert.match(world.info('second'), /^status: failed$/m);
});

test('the service says the end of a run whose run-agent was killed', async () => {
  const world = makeWorld();
  const go = join(world.folder, 'go');
  const long = world.script('long.sh', `until [ -e '${go}' ]; do sleep 0.05; done\necho at last\n`);
  const starter = spawn(process.execPath, [command('run-agent'), ...world.task('long', long)], {
    cwd: project,
    env: world.env,
    stdio: 'ignore',
  });
  await until('it runs', () => /^pid: \d/m.test(world.info('long')));
  starter.kill('SIGKILL');
  const service = await startService(['--root', world.root], { cwd: world.folder, env: world.env });
  try {
    writeFileSync(go, '');
    const stop = await until('its end is said', async () => (await world.read('RUN_STOP'))[0]);
    assert.is(stop.data['status'], 'completed');
    assert.match(world.info('long'), /^status: completed$/m);
  } finally {
    assert.is(await service.stop(), 0);
  }
});

test.run();
