import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanEnvironment, isAlive, startService, temporary, tool, until, type Service } from '../support/service.js';
import { watch } from '../support/watcher.js';

const env = cleanEnvironment();

/** Three steps that leave a line each; the second waits for a file. */
const open = (): { folder: string; root: string; lines(): string[]; go(): void } => {
  const folder = temporary('crash');
  for (const name of ['rules', 'handlers']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'config.yaml'), 'timers: {}\n');
  writeFileSync(join(folder, 'rules', 'a.yaml'), 'rules:\n  - { id: one, on: GO, do: three }\n');
  writeFileSync(
    join(folder, 'handlers', 'three.yaml'),
    `name: three
steps:
  - { id: first, shell: 'echo first >> log' }
  - { id: second, shell: 'echo "second $$" >> log; until test -e go; do sleep 0.05; done; echo second done >> log; echo answer' }
  - { id: third, shell: 'echo third >> log' }
  - emit: { type: DONE, body: '{{ steps.second.output }}' }
`,
  );
  return {
    folder,
    root: join(folder, 'runs'),
    lines: () =>
      existsSync(join(folder, 'log')) ? readFileSync(join(folder, 'log'), 'utf8').split('\n').filter(Boolean) : [],
    go: () => writeFileSync(join(folder, 'go'), ''),
  };
};

const killHard = async (service: Service): Promise<void> => {
  const ended = new Promise((resolve) => service.process.once('exit', resolve));
  service.process.kill('SIGKILL');
  await ended;
};

const untilSecond = (world: ReturnType<typeof open>): Promise<number> =>
  until('the second step is at work', () => {
    const line = world.lines().find((one) => one.startsWith('second '));
    return line === undefined ? undefined : Number(line.split(' ')[1]);
  });

const told = async (root: string, type: string): Promise<{ body: string; data: Record<string, unknown> }[]> =>
  (await tool('messagebus-tool', ['read', '--root', root, '--type', type, '--json'], { env })).stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { body: string; data: Record<string, unknown> });

test('a service killed in the middle goes on where it was: the living agent is adopted, nothing runs twice', async () => {
  const world = open();
  const { folder, root } = world;
  const first = await startService([], { cwd: folder, env });
  await tool('messagebus-tool', ['write', '--root', root, '--type', 'GO', 'go'], { env });
  const pid = await untilSecond(world);
  await killHard(first);
  assert.ok(isAlive(pid), 'the agent outlives the service');

  const second = await startService([], { cwd: folder, env });
  const watcher = await watch(second);
  try {
    world.go();
    const done = await until('the handler is done', () => watcher.find('DONE'));
    assert.is(done.body.trim(), 'answer');
    assert.equal(world.lines(), ['first', `second ${pid}`, 'second done', 'third']);
    assert.is((await told(root, 'RUN_START')).length, 3);
    assert.is((await told(root, 'RUN_STOP')).length, 3);
  } finally {
    watcher.close();
    assert.is(await second.stop(), 0);
  }
});

test('an agent that ended while no service was there: its result is found, and it is not started again', async () => {
  const world = open();
  const { folder, root } = world;
  const first = await startService([], { cwd: folder, env });
  await tool('messagebus-tool', ['write', '--root', root, '--type', 'GO', 'go'], { env });
  const pid = await untilSecond(world);
  await killHard(first);
  world.go();
  await until('the agent has ended', () => !isAlive(pid) || undefined);

  const second = await startService([], { cwd: folder, env });
  try {
    await until('the handler is done', async () => ((await told(root, 'DONE')).length > 0 ? true : undefined));
    assert.is((await told(root, 'DONE'))[0]?.body.trim(), 'answer');
    assert.equal(world.lines(), ['first', `second ${pid}`, 'second done', 'third']);
  } finally {
    assert.is(await second.stop(), 0);
  }
});

test('what is written while no service runs is answered by the next one, once', async () => {
  const world = open();
  const { folder, root } = world;
  world.go();
  const done = await tool('messagebus-tool', ['write', '--root', root, '--type', 'GO', 'go'], { env });
  assert.is(done.code, 0);
  for (let start = 0; start < 2; start++) {
    const service = await startService([], { cwd: folder, env });
    await until('the handler is done', async () => ((await told(root, 'DONE')).length > 0 ? true : undefined));
    assert.is(await service.stop(), 0);
  }
  assert.is((await told(root, 'DONE')).length, 1);
  assert.is((await told(root, 'RUN_START')).length, 3);
});

test.run();
