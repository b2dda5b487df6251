#!/usr/bin/env node
// Runs the tests of the folder this step was started in, at the pushed commit where the event names one.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';

const { event } = JSON.parse(readFileSync(0, 'utf8'));
const git = (...args) => execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
const quietly = (action) => {
  try {
    return action();
  } catch {
    return undefined;
  }
};

let folder = process.cwd();
let worktree;
const sha = typeof event.data.sha === 'string' && /^[0-9a-f]{7,64}$/.test(event.data.sha) ? event.data.sha : undefined;
if (sha && quietly(() => git('cat-file', '-e', `${sha}^{commit}`)) !== undefined) {
  mkdirSync(join(process.env.CONDUCTOR_ROOT, '.conductor', 'worktrees'), { recursive: true });
  worktree = join(process.env.CONDUCTOR_ROOT, '.conductor', 'worktrees', basename(process.env.CONDUCTOR_RUN_DIR));
  git('worktree', 'add', '--detach', worktree, sha);
  if (existsSync(join(folder, 'node_modules')) && !existsSync(join(worktree, 'node_modules'))) {
    symlinkSync(join(folder, 'node_modules'), join(worktree, 'node_modules'));
  }
  folder = worktree;
}

/** The configured command, else what the folder's own files say. */
const chooseCommand = () => {
  if (process.env.TEST_COMMAND) return ['/bin/sh', ['-c', process.env.TEST_COMMAND]];
  const has = (name) => existsSync(join(folder, name));
  if (has('package.json') && JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).scripts?.test)
    return ['npm', ['test', '--silent']];
  if (has('Makefile') && /^test\s*:/m.test(readFileSync(join(folder, 'Makefile'), 'utf8'))) return ['make', ['test']];
  if (['pytest.ini', 'pyproject.toml', 'setup.py', 'tests'].some(has)) return ['pytest', []];
  if (has('go.mod')) return ['go', ['test', './...']];
  return undefined;
};

const command = chooseCommand();
let code = 3;
if (!command) {
  console.error(
    `no test command: ${folder} has no package.json with a test script, Makefile with a test target, pytest or go.mod; set repositories.<name>.test_command in config.yaml`,
  );
} else {
  console.log(`$ ${command[0]} ${command[1].join(' ')}`);
  const result = spawnSync(command[0], command[1], { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] });
  if (result.error) console.error(result.error.message);
  code = result.error ? 3 : (result.status ?? 1);
}
if (worktree) quietly(() => git('worktree', 'remove', '--force', worktree));
process.exit(code);
