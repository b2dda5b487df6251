import { mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanEnvironment, project, run, temporary } from '../support/service.js';

const PROGRAM = join(import.meta.dirname, 'watch-few.ts');
/** A user namespace has a limit of its own, so the machine's stays as it is. */
const withWatches = (count: number, args: readonly string[]) =>
  run(
    'unshare',
    [
      '--user',
      '--map-root-user',
      'sh',
      '-c',
      `echo ${count} > /proc/sys/user/max_inotify_watches && exec "$@"`,
      'sh',
      process.execPath,
      '--import',
      'tsx',
      PROGRAM,
      ...args,
    ],
    { cwd: project, env: cleanEnvironment() },
  );
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
