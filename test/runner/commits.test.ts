import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RunEnd } from '../../src/core/run.js';
import { commitsSince, reflogNow } from '../../src/runner/reflog.js';
import { makerFinder } from '../../src/runner/living-commits.js';
import { makeRepository } from '../support/repository.js';
import { cleanEnvironment, run as runProgram, temporary, until } from '../support/service.js';
import { openWorld, script } from './world.js';

const test = suite('the commits of a run');
const env = cleanEnvironment();
const repository = () => makeRepository(env, join(temporary('elsewhere'), 'runs'));

const AS = 'git -c user.name=Bot -c user.email=bot@example.org';
const commit = (message: string): string => `${AS} commit -q --allow-empty -m '${message}'`;

test('what a run made is told at its end; what it only fetched, checked out or reset is not', async () => {
  const { folder, git } = await repository();
  const before = await git('rev-parse', 'HEAD');
  const theirs = temporary('theirs');
  await runProgram('git', ['clone', '-q', folder, theirs], { env });
  await runProgram('sh', ['-c', commit('Made by somebody else')], { cwd: theirs, env });
  const world = await openWorld();
  const { end, read } = await world.run(
    'claude',
    script(
      { tool: commit('one') },
      { tool: `git checkout -q -b topic && ${commit('two')} && git checkout -q main` },
      {
        tool: `git pull -q '${theirs}' HEAD --no-rebase --ff-only || git reset -q --hard HEAD~1 && git pull -q '${theirs}' HEAD`,
      },
      { tool: 'git reset -q --hard HEAD' },
      { result: true },
    ),
    { cwd: folder },
  );
  const subjects = [];
  for (const sha of end.commits ?? []) subjects.push(await git('log', '-1', '--format=%s', sha));
  assert.equal(subjects, ['one', 'two']);
  assert.not.ok(end.commits?.includes(before));
  assert.match(read('run-info.yaml'), end.commits![0]!);
});

test('in a worktree, in a folder below, and where there is no repository', async () => {
  const { folder, git } = await repository();
  const worktree = join(temporary('worktrees'), 'one');
  await git('worktree', 'add', '-q', '--detach', worktree);
  const world = await openWorld();
  const work = (message: string) => script({ tool: commit(message) }, { result: true });
  const there = (await world.run('claude', work('there'), { cwd: worktree })).end;
  assert.is(there.commits?.length, 1);
  const below = (await world.run('claude', work('below'), { cwd: join(folder, 'test') })).end;
  assert.is(below.commits?.length, 1);
  assert.not.equal(there.commits, below.commits);
  assert.is((await world.run('claude', work('nowhere'))).end.commits, undefined);
});

test('a run that lives is known by what it made so far, and one that has ended by what it left', async () => {
  const { folder, git } = await repository();
  const world = await openWorld();
  const go = join(temporary('go'), 'go');
  const spec = world.specOf(
    'claude',
    script({ tool: commit('early') }, { tool: `while [ ! -e '${go}' ]; do sleep 0.05; done` }, { result: true }),
    { cwd: folder },
  );
  let end: RunEnd | undefined;
  world.runner.attempt(spec).subscribe((event) => {
    if (event.kind === 'end') end = event;
  });
  const ask = makerFinder({ rootPath: world.root.path, runs: world.runs, living: () => [spec] });
  const sha = await until('it has committed', async () => {
    const head = await git('rev-parse', 'HEAD');
    return (await ask(head)) === spec.run_id ? head : undefined;
  });
  assert.is(await ask('f'.repeat(40)), undefined);
  writeFileSync(go, '');
  await until('it ends', () => end);
  assert.is(await ask(sha), spec.run_id, 'RUN_STOP may not be told yet');
});

test('a log that is gone, shorter or no log at all says nothing', async () => {
  const { folder } = await repository();
  const reflog = reflogNow(folder)!;
  assert.ok(reflog.bytes > 0);
  assert.equal(commitsSince(reflog), []);
  writeFileSync(reflog.file, 'no log\n');
  assert.equal(commitsSince({ ...reflog, bytes: 0 }), []);
  rmSync(reflog.file);
  assert.equal(commitsSince(reflog), []);
  const odd = temporary('odd');
  mkdirSync(join(odd, 'sub'));
  writeFileSync(join(odd, '.git'), 'gitdir: /nowhere\n');
  assert.is(reflogNow(join(odd, 'sub')), undefined);
});

test.run();
