import { spawn } from 'node:child_process';
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanEnvironment, command, project, run, temporary, until } from '../support/service.js';

const PROGRAM = join(import.meta.dirname, 'watch-few.ts');
/** A user namespace has a limit of its own, so the machine's stays as it is. */
const limitedTo = (count: number, args: readonly string[]): string[] => [
  'unshare',
  '--user',
  '--map-root-user',
  'sh',
  '-c',
  `echo ${count} > /proc/sys/user/max_inotify_watches && exec "$@"`,
  'sh',
  process.execPath,
  ...args,
];
const withWatches = (count: number, args: readonly string[]) => {
  const [program = '', ...rest] = limitedTo(count, ['--import', 'tsx', PROGRAM, ...args]);
  return run(program, rest, { cwd: project, env: cleanEnvironment() });
};
const canUnshare =
  (
    await run('unshare', ['--user', '--map-root-user', 'test', '-w', '/proc/sys/user/max_inotify_watches']).catch(
      () => ({ code: 1 }),
    )
  ).code === 0;

const limited = canUnshare ? test : test.skip;
limited('where no watches are left it says so once, and finds every change all the same', async () => {
  const folder = realpathSync(temporary('watches'));
  for (let n = 0; n < 20; n++) mkdirSync(join(folder, `src/d${n}`), { recursive: true });
  const { stdout, stderr } = await withWatches(5, [folder]);
  assert.ok(stdout.startsWith('{'), stderr);
  const { found, warnings } = JSON.parse(stdout) as { found: string[]; warnings: string[] };
  assert.equal(found, Array.from({ length: 20 }, (_, n) => `src/d${n}/f.ts`).sort());
  assert.is(warnings.length, 1);
  assert.match(warnings[0] ?? '', /max_user_watches.*src is looked through/);
});

limited(
  'a service without watches starts, says so, and takes changed rules and new handlers all the same',
  async () => {
    const folder = realpathSync(temporary('watches'));
    const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
    for (const name of ['rules', 'handlers', 'src']) mkdirSync(join(folder, name));
    for (let n = 0; n < 10; n++) write(`handlers/h${n}.yaml`, `name: h${n}\nsteps: [{ shell: 'true' }]\n`);
    write('rules/r.yaml', 'rules: [{ id: one, on: A, do: h1 }]\n');
    write('config.yaml', 'timers: {}\nwatch: [{ paths: [src/**], debounce: 100ms, type: FILE_CHANGED }]\n');
    const [program = '', ...args] = limitedTo(2, [command('conductor'), 'serve', '--port', '0']);
    const service = spawn(program, args, { cwd: folder, env: cleanEnvironment() });
    const ended = new Promise<number | null>((resolve) => service.on('exit', resolve));
    let output = '';
    for (const stream of [service.stdout, service.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const says = (text: string): Promise<boolean> =>
      until(`it says ${text}: ${output}`, () => output.includes(text) || undefined);
    try {
      await says('listens on');
      await says('handlers is looked through every 2 s');
      await says('rules is looked through every 2 s');
      write('handlers/late.yaml', "name: late\nsteps: [{ shell: 'true' }]\n");
      write('rules/r.yaml', 'rules: [{ id: one, on: A, do: h1 }, { id: two, on: A, do: late }]\n');
      await says('2 rules in force');
    } finally {
      service.kill('SIGTERM');
    }
    assert.is(await ended, 0, output);
  },
);

test('with watches enough nothing is said', async () => {
  const folder = realpathSync(temporary('watches'));
  for (let n = 0; n < 20; n++) mkdirSync(join(folder, `src/d${n}`), { recursive: true });
  const { stdout, stderr } = await run(process.execPath, ['--import', 'tsx', PROGRAM, folder], {
    cwd: project,
    env: cleanEnvironment(),
  });
  assert.ok(stdout.startsWith('{'), stderr);
  const { found, warnings } = JSON.parse(stdout) as { found: string[]; warnings: string[] };
  assert.is(found.length, 20);
  assert.equal(warnings, []);
});

test.run();
