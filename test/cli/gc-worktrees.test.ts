import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openRoot } from '../../src/storage/root.js';
import { makeRepository } from '../support/repository.js';
import { cleanEnvironment, temporary, tool } from '../support/service.js';

const env = cleanEnvironment();
const OLD = new Date(Date.now() - 30 * 86_400_000);

test('gc takes old worktrees away in which nothing would be lost', async () => {
  const folder = temporary('worktrees');
  const { path } = await openRoot(join(folder, 'runs'));
  const repository = await makeRepository(env, path);
  const home = join(path, '.conductor', 'worktrees');
  mkdirSync(home);
  const git = (cwd: string, ...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=A', '-c', 'user.email=a@example.org', ...args], { cwd, stdio: 'pipe' });
  for (const name of ['clean', 'edited', 'committed', 'fresh'])
    git(repository.folder, 'worktree', 'add', '--detach', join(home, name));
  writeFileSync(join(home, 'edited', 'new'), 'mine');
  git(join(home, 'committed'), 'commit', '--allow-empty', '-qm', 'Two');
  mkdirSync(join(home, 'foreign'));
  for (const name of ['clean', 'edited', 'committed', 'foreign']) utimesSync(join(home, name), OLD, OLD);

  const gc = (...args: string[]) => tool('conductor', ['gc', '--root', path, ...args], { cwd: folder, env });
  assert.is((await gc('--dry-run')).stdout, `${join(home, 'clean')}\n`);
  assert.is(readdirSync(home).length, 5);
  const { stdout } = await gc('--json');
  assert.equal(
    (JSON.parse(stdout) as { removed: { path: string }[] }).removed.map((one) => one.path),
    [join(home, 'clean')],
  );
  assert.equal(readdirSync(home).sort(), ['committed', 'edited', 'foreign', 'fresh']);
  assert.not.match(String(git(repository.folder, 'worktree', 'list')), join(home, 'clean'));
});

test.run();
