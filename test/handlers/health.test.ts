import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanEnvironment, project, run, startService, temporary, tool, until } from '../support/service.js';

const world = (config: string) => {
  const cwd = temporary('health');
  const env = cleanEnvironment();
  writeFileSync(join(cwd, 'config.yaml'), config);
  return {
    cwd,
    env,
    task: (prompt: string) => tool('run-agent', ['task', '--agent', 'shell', '--prompt', prompt], { cwd, env }),
    read: async (type: string) =>
      (await tool('messagebus-tool', ['read', '--type', type, '--json'], { cwd, env })).stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as { data: Record<string, unknown>; body: string }),
  };
};

test('what is ill is told to people by the action of its alert, and put right by what the configuration allows', async () => {
  const { cwd, env, task, read } = world(`
timers: { health: { every: 1s } }
health: { disk_percent: 100 }
agents: { lost: { backend: shell, command: [/no/such/shell] } }
alerts: [{ name: HighFailureRate, condition: task_failure_rate > 0.1, action: page_oncall }]
actions: { page_oncall: { command: [/bin/sh, -c, 'cat >> told; echo "$NOTIFY_ACTION" >> told'] } }
`);
  await task('echo the reason >&2; exit 2');
  const service = await startService([], { cwd, env });
  try {
    const [remedied] = await until('it is remedied', async () => {
      const said = await read('HEALTH_REMEDIED');
      return said.length > 0 ? said : undefined;
    });
    assert.is(remedied!.data['remedy'], 'investigate');
    assert.match(remedied!.body, /1 × shell: .*\(the last: default\//);
    const told = await until('a person is told', () =>
      existsSync(join(cwd, 'told')) && readFileSync(join(cwd, 'told'), 'utf8').includes('page_oncall')
        ? readFileSync(join(cwd, 'told'), 'utf8')
        : undefined,
    );
    assert.match(told, /^ERROR: api ok, agents missing: lost, disk \d+ %.*HighFailureRate.*\npage_oncall\n$/);
    const [alert] = await read('HEALTH_ALERT');
    assert.ok((alert!.data['open'] as string[]).includes('agents'));
  } finally {
    await service.stop();
  }
  assert.is((await read('NOTIFICATION')).length, 1, 'once, however often it is checked');
  assert.is((await read('HEALTH_REMEDIED')).length, 1);
});

const remedy = (item: string, health: object, cwd: string, env: Record<string, string>) =>
  run(process.execPath, [join(project, 'handlers', 'scripts', 'remedy.mjs')], {
    cwd,
    env: {
      ...env,
      PATH: `${join(project, 'dist', 'cli', 'bin')}:${env['PATH']}`,
      ITEM: item,
      HEALTH: JSON.stringify(health),
      CONDUCTOR_ROOT: join(cwd, 'runs'),
    },
  });

test('a full disk: runs that ended long ago are removed, and no others', async () => {
  const { cwd, env, task } = world('timers: {}\n');
  await task('true');
  const runsOf = () => readdirSync(join(cwd, 'runs', 'default')).length;
  assert.is(runsOf(), 1);
  assert.is((await remedy('clean', { clean_after: 3_600_000 }, cwd, env)).code, 0);
  assert.is(runsOf(), 1);
  assert.is((await remedy('clean', { clean_after: 0 }, cwd, env)).code, 0);
  assert.not(
    readdirSync(join(cwd, 'runs', 'default'), { recursive: true }).some((path) => String(path).includes('run-info')),
  );
});

test('restart and scale_up are the commands of the configuration, and say how they ended', async () => {
  const { cwd, env } = world('timers: {}\n');
  mkdirSync(join(cwd, 'runs'));
  const restarted = await remedy('restart', { restart: 'echo restarted; exit 3' }, cwd, env);
  assert.equal([restarted.code, restarted.stdout], [3, 'restarted\n']);
  assert.is((await remedy('scale_up', { scale_up: 'echo two more' }, cwd, env)).stdout, 'two more\n');
  assert.is((await remedy('pray', {}, cwd, env)).code, 2);
});

test.run();
