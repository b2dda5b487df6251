import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ignoring, pathGlob } from '../../src/sources/path-glob.js';

const cases: [string, string, string[], string[]][] = [
  ['src/**', 'src', ['src/a', 'src/a/b.ts'], ['srcs/a', 'lib/src/a']],
  ['src/**/*.ts', 'src', ['src/a.ts', 'src/x/y/a.ts'], ['src/a.js', 'a.ts']],
  ['**/test/**/*.ts', '.', ['test/a.ts', 'x/test/y/a.ts'], ['x/a.ts']],
  ['src', 'src', ['src', 'src/a', 'src/a/b'], ['src2', 'x/src']],
  ['./docs/', 'docs', ['docs/a.md'], ['a.md']],
  ['.', '.', ['a', 'a/b'], []],
  ['*.md', '.', ['a.md'], ['a/b.md']],
  ['src/*.{ts,tsx}', 'src', ['src/a.ts', 'src/a.tsx'], ['src/a.js']],
  ['package.json', 'package.json', ['package.json'], ['a/package.json']],
];
for (const [pattern, base, inside, outside] of cases) {
  test(`${pattern} begins at ${base}`, () => {
    const glob = pathGlob(pattern);
    assert.is(glob.base, base);
    for (const path of inside) assert.ok(glob.matches(path), `${path} is in`);
    for (const path of outside) assert.not.ok(glob.matches(path), `${path} is out`);
  });
}

test('a name is ignored at any depth, a path from the top, both with what is inside', () => {
  const ignored = ignoring(['node_modules', '*.log', 'build/out/**']);
  for (const path of ['node_modules', 'a/node_modules/x/y', 'a.log', 'x/a.log', 'build/out', 'build/out/a'])
    assert.ok(ignored(path), path);
  for (const path of ['node_modules2', 'a.logs', 'build/outer', 'x/build/out']) assert.not.ok(ignored(path), path);
});

test('many stars take no time', () => {
  assert.not.ok(pathGlob(`${'**/a/'.repeat(50)}b`).matches('a/'.repeat(400)));
});

test.run();
