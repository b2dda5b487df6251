import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { spawnHelper } from '../../src/cli/package-folder.js';
import type { RunEnd } from '../../src/core/run.js';
import { cgroupBase, createCgroup, membersOf } from '../../src/runner/cgroup.js';
import { listProcesses } from '../../src/runner/processes.js';
import { spawnShell } from '../../src/runner/shell.js';
import { openShim, working } from '../../src/runner/shim.js';
import { createShims } from '../../src/runner/shims.js';
import { rawFolder } from '../../src/runner/raw-folder.js';
import { project, temporary, until } from '../support/service.js';
import { lives, openWorld } from './world.js';

/** There is no waiting where a group cannot be made. */
const grouped = cgroupBase() === undefined ? test.skip : test;

const workIn = (folder: string, script: string, env: Record<string, string> = {}) => {
  const raw = rawFolder(folder, 'run');
  raw.make();
  const input = raw.prepare({
    stdin: 'in',
    script: undefined,
    note: { backend: 'x', boot_id: '', pid_namespace: '', limits: {}, pid: 2 },
  });
  return { raw, input, argv: ['/bin/sh', '-c', script], cwd: folder, env };
};

test('a shim hands on words, environment and folder as they are, and nothing of its own', async () => {
  const folder = temporary("shim it's");
  const shim = await openShim(spawnShell, undefined, undefined);
  const odd = `a'b"c$d\\e\n\`f\` end`;
  const work = workIn(folder, 'printf "%s|%s|%s|" "$0" "$ODD" "$PWD"; cat; env | sort', {
    ODD: odd,
    PATH: '/bin:/usr/bin',
  });
  const { ended } = shim.begin({ ...work, argv: [...work.argv, odd] });
  await ended;
  assert.is(work.raw.exitCode(), 0);
  const said = readFileSync(work.raw.stdout, 'utf8');
  assert.ok(said.startsWith(`${odd}|${odd}|${folder}|in`), said);
  const names = said
    .split('|in')[1]!
    .split('\n')
    .flatMap((line) => /^(\w+)=/.exec(line)?.[1] ?? []);
  assert.equal(
    names.filter((name) => !['PWD', '_', 'SHLVL'].includes(name)),
    ['ODD', 'PATH'],
  );
});

grouped('a shim whose starter was killed before it said what to do ends, and its group with it', async () => {
  const program = join(project, 'test', 'support', 'shim-owner.ts');
  const owner = spawn(process.execPath, ['--import', 'tsx', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = (await once(owner.stdout, 'data')) as [Buffer];
  const group = said.toString().trim();
  const [pid] = membersOf(group);
  assert.ok(lives(pid!), 'it waits');
  owner.kill('SIGKILL');
  await until('it is gone', () => !lives(pid!));
  await until('so is its group', () => !existsSync(group));
});

test('of half a command nothing is done', async () => {
  const folder = temporary('shim');
  const text = working(workIn(folder, `echo done >'${folder}/done'`));
  for (const part of [text, text.slice(0, -3)]) {
    const shell = spawn('/bin/sh', ['-s'], { stdio: ['pipe', 'ignore', 'ignore'] });
    shell.stdin.end(part);
    await once(shell, 'exit');
    assert.is(existsSync(join(folder, 'done')), part === text);
    rmSync(join(folder, 'done'), { force: true });
  }
});

grouped(
  'a run that begins in a shim that waited holds its slot and its group, and the next one has another',
  async () => {
    const world = await openWorld({ slotCount: 1, ahead: true });
    const groupOf = async (): Promise<string> => {
      const { end, read } = await world.run('shell', 'cat /proc/self/cgroup\n');
      assert.is(end.status, 'completed', end.error_summary);
      return /conductor-run-\S+/.exec(read('agent-stdout.txt'))![0];
    };
    const first = await groupOf();
    const second = await groupOf();
    assert.is.not(first, second);
    for (const name of [first, second]) await until(`${name} is gone`, () => !existsSync(join(cgroupBase()!, name)));
    const held = world.specOf('shell', 'sleep 1000\n');
    const ended = lastValueFrom(world.runner.attempt(held)) as Promise<RunEnd>;
    await until('it runs', async () => ((await world.runs.find(held))?.pid ?? -1) > 0);
    const waiting = lastValueFrom(world.runner.attempt(world.specOf('shell', 'true\n'))) as Promise<RunEnd>;
    await until('the other waits', () => world.slots.waiting().length === 1);
    await world.runner.stop(held, 'enough');
    assert.is((await ended).reason, 'stopped: enough');
    assert.is((await waiting).status, 'completed');
    await world.runner.close();
  },
);

grouped('what waits is let go when the runner closes', async () => {
  let group: string | undefined;
  const shims = createShims({ ahead: true, groupFor: async () => (group = await createCgroup()) });
  await until('one waits', () => group !== undefined && membersOf(group).length === 1);
  await shims.close();
  await until(`${basename(group!)} is gone`, () => !existsSync(group!));
});

/** The processes that start ours. */
const helpers = (): number[] =>
  listProcesses()
    .filter(({ pid, parent }) => {
      if (parent !== process.pid) return false;
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(spawnHelper);
      } catch {
        // It ended meanwhile.
        return false;
      }
    })
    .map(({ pid }) => pid);

for (const ahead of [false, true]) {
  const which = ahead ? 'that waited' : 'that is opened for it';
  test(`when the process that starts runs is killed, a run in a shim ${which} goes on, holds its slot, and others start`, async () => {
    const world = await openWorld({ slotCount: 1, ahead, spawnHelper });
    const go = join(world.work, 'go');
    const begun = join(world.work, 'begun');
    const first = world.specOf('shell', `: > '${begun}'; until [ -e '${go}' ]; do sleep 0.02; done; echo went\n`);
    const ended = lastValueFrom(world.runner.attempt(first)) as Promise<RunEnd>;
    // Its process is known before it was told what to run, which it would not be by one that is killed then.
    await until('it runs', () => existsSync(begun));
    const [helper, ...more] = helpers();
    assert.equal(more, []);
    process.kill(helper!, 'SIGKILL');
    const waiting = world.run('shell', 'echo next\n');
    await until('the other waits', () => world.slots.waiting().length === 1);
    writeFileSync(go, '');
    const end = await ended;
    assert.equal([end.status, end.output], ['completed', 'went\n']);
    assert.is((await waiting).end.output, 'next\n');
    assert.is(helpers().length, 1, 'there is a new one');
    await world.runner.close();
    assert.equal(helpers(), []);
  });
}

test.run();
