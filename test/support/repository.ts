import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { command, run, temporary } from './service.js';

/** A repository with a real test suite, a bare remote whose hook posts the push, and a good first commit. */
export const makeRepository = async (env: Record<string, string>, root: string) => {
  const folder = temporary('repository');
  const remote = temporary('remote');
  const git = async (...args: string[]): Promise<string> => {
    const done = await run('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', ...args], {
      cwd: folder,
      env,
    });
    assert.is(done.code, 0, done.stderr);
    return done.stdout.trim();
  };
  await run('git', ['init', '-q', '--bare', remote], { env });
  await git('init', '-q', '-b', 'main');
  await git('remote', 'add', 'origin', remote);
  mkdirSync(join(folder, 'test'));
  writeFileSync(
    join(folder, 'package.json'),
    '{"name":"sums","version":"1.0.0","type":"module","scripts":{"test":"node --test"}}\n',
  );
  writeFileSync(join(folder, 'sum.js'), 'export const sum = (a, b) => a + b;\n');
  writeFileSync(
    join(folder, 'test', 'sum.test.js'),
    "import test from 'node:test';\nimport assert from 'node:assert';\nimport { sum } from '../sum.js';\ntest('adds two numbers', () => assert.equal(sum(2, 3), 5));\n",
  );
  await git('add', '.');
  await git('commit', '-qm', 'A sum that adds');
  const hook = join(remote, 'hooks', 'post-receive');
  writeFileSync(
    hook,
    `#!/bin/sh\nwhile read before sha ref; do\n  '${process.execPath}' '${command('messagebus-tool')}' write --root '${root}' --type CODE_PUSHED --dedupe-key "push:$sha" \\\n    --data "{\\"path\\":\\"${remote}\\",\\"sha\\":\\"$sha\\",\\"before\\":\\"$before\\",\\"branch\\":\\"\${ref#refs/heads/}\\"}" "pushed $ref"\ndone\n`,
  );
  chmodSync(hook, 0o755);
  return { folder, remote, git };
};

export const breakIt = async (repository: Awaited<ReturnType<typeof makeRepository>>): Promise<string> => {
  writeFileSync(join(repository.folder, 'sum.js'), 'export const sum = (a, b) => a - b;\n');
  await repository.git('commit', '-qam', 'Make the sum faster');
  await repository.git('push', '-q', 'origin', 'main');
  return repository.git('rev-parse', 'HEAD');
};
