import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openWorkspaces } from '../../src/workspace/workspaces.js';
import { cleanEnvironment, run, temporary } from '../support/service.js';

const makeRepository = async () => {
  const folder = temporary('repository');
  const env = cleanEnvironment();
  const gitIn = async (where: string, ...args: string[]): Promise<string> => {
    const done = await run('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', ...args], {
      cwd: where,
      env,
    });
    assert.is(done.code, 0, done.stderr);
    return done.stdout.trim();
  };
  await gitIn(folder, 'init', '-q', '-b', 'main');
  writeFileSync(join(folder, 'file'), 'one\n');
  await gitIn(folder, 'add', '.');
  await gitIn(folder, 'commit', '-qm', 'One');
  return { folder, gitIn, workspaces: openWorkspaces(join(temporary('root'), 'runs')) };
};

test('a worktree in which nothing was left is removed', async () => {
  const { folder, workspaces } = await makeRepository();
  const worktree = await workspaces.open({ repository: folder, name: 'lane-1' });
  assert.ok(existsSync(join(worktree, 'file')));
  assert.is(await workspaces.open({ repository: folder, name: 'lane-1' }), worktree, 'the same again');
  assert.equal(await workspaces.close(worktree), { removed: true });
  assert.not(existsSync(worktree));
});

test('a worktree with an edit, a new file, or commits that are nowhere else is kept, with the reason', async () => {
  const { folder, gitIn, workspaces } = await makeRepository();
  const edited = await workspaces.open({ repository: folder, name: 'edited' });
  writeFileSync(join(edited, 'file'), 'two\n');
  assert.equal(await workspaces.close(edited), { removed: false, reason: 'it holds uncommitted work' });

  const fresh = await workspaces.open({ repository: folder, name: 'fresh' });
  mkdirSync(join(fresh, 'sub'));
  writeFileSync(join(fresh, 'sub', 'new'), '');
  assert.equal(await workspaces.close(fresh), { removed: false, reason: 'it holds uncommitted work' });

  const committed = await workspaces.open({ repository: folder, name: 'committed' });
  writeFileSync(join(committed, 'file'), 'three\n');
  await gitIn(committed, 'commit', '-qam', 'Three');
  assert.equal(await workspaces.close(committed), {
    removed: false,
    reason: 'it holds 1 commits that are nowhere else',
  });
  for (const kept of [edited, fresh, committed]) assert.ok(existsSync(kept));

  await gitIn(committed, 'branch', 'kept');
  assert.equal(await workspaces.close(committed), { removed: true }, 'a branch has them now');
});

test('where git cannot tell, nothing is removed; nor is anything outside', async () => {
  const { folder, workspaces } = await makeRepository();
  const broken = await workspaces.open({ repository: folder, name: 'broken' });
  writeFileSync(join(broken, '.git'), 'gitdir: /nowhere\n');
  const kept = await workspaces.close(broken);
  assert.is(kept.removed, false);
  assert.ok(existsSync(join(broken, 'file')));
  for (const path of [folder, '/', join(broken, '..', '..', '..')]) {
    try {
      await workspaces.close(path);
      assert.unreachable(path);
    } catch (error) {
      assert.match((error as Error).message, 'is no worktree of this root');
    }
  }
});

test('a digest changes with an edit, a new file and a commit, and with nothing else; also without git', async () => {
  const { folder, gitIn, workspaces } = await makeRepository();
  const seen = new Set([await workspaces.digest(folder)]);
  const changes = async (): Promise<void> => {
    const digest = await workspaces.digest(folder);
    assert.not(seen.has(digest), 'it is new');
    seen.add(digest);
    assert.is(await workspaces.digest(folder), digest, 'and stays');
  };
  writeFileSync(join(folder, 'file'), 'two\n');
  await changes();
  writeFileSync(join(folder, 'other'), '1');
  await changes();
  writeFileSync(join(folder, 'other'), '22');
  await changes();
  await gitIn(folder, 'add', '.');
  await gitIn(folder, 'commit', '-qm', 'Two');
  await changes();

  const plain = temporary('plain');
  const empty = await workspaces.digest(plain);
  writeFileSync(join(plain, 'new'), '');
  assert.is.not(await workspaces.digest(plain), empty);
  assert.is(await workspaces.summary(plain), '');
  assert.match(await workspaces.summary(folder), 'Two');
});

test('what runs leave below the root is no change of the folder around it', async () => {
  const { folder } = await makeRepository();
  const inside = join(folder, 'sub');
  for (const [around, where] of [
    [folder, folder],
    [inside, folder],
    [temporary('plain'), undefined],
  ] as const) {
    const top = where ?? around;
    const workspaces = openWorkspaces(join(top, 'runs'));
    mkdirSync(join(top, 'runs', 'default'), { recursive: true });
    mkdirSync(around, { recursive: true });
    writeFileSync(join(around, 'mine'), '1');
    const before = await workspaces.digest(around);
    writeFileSync(join(top, 'runs', 'default', `output-${around.length}`), 'said');
    assert.is(await workspaces.digest(around), before);
    writeFileSync(join(around, 'mine'), '22');
    assert.is.not(await workspaces.digest(around), before);
  }
});

test.run();
