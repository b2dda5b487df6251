import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compileGlob, wrongGlob } from '../../src/core/glob.js';
import { compileKey, compilePath, compilePattern, firstMismatch } from '../../src/core/match.js';
import { randomOf } from '../support/random.js';
import { event } from './world.js';

const word = (random: () => number, letters: string, most: number): string =>
  Array.from({ length: Math.floor(random() * (most + 1)) }, () => letters[Math.floor(random() * letters.length)]).join(
    '',
  );

test('a glob fits what the regular expression of it fits', () => {
  const random = randomOf(3);
  let fitting = 0;
  for (let n = 0; n < 50_000; n++) {
    const glob = word(random, 'aab*?', 8);
    const text = word(random, 'aab', 8);
    const expected = new RegExp(`^${glob.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(text);
    if (expected) fitting += 1;
    assert.is(compileGlob(glob)(text), expected, `${glob} and ${text}`);
  }
  assert.ok(fitting > 1_000, `${fitting}`);
});

test('what would cost much to look for between two stars is no glob', () => {
  assert.is(wrongGlob(`${'a'.repeat(500)}*${'b'.repeat(100)}*${'c'.repeat(500)}`), undefined);
  assert.match(wrongGlob(`*${'b'.repeat(101)}*`) ?? '', 'at most 100 characters');
  assert.is(wrongGlob(`*?${'b'.repeat(19)}*`), undefined);
  assert.match(wrongGlob(`*?${'b'.repeat(20)}*`) ?? '', '20 where one is "?"');
});

test('numbers are compared at their bounds, and only numbers', () => {
  for (const [pattern, good, bad] of [
    [{ lt: 3 }, [2.9, -1], [3, 4, '2', null, undefined, [2]]],
    [{ lte: 3 }, [3, 2], [3.1, '3']],
    [{ gt: 3 }, [3.1], [3, 2, '4']],
    [{ gte: 3 }, [3, 4], [2.9, '3']],
  ] as const) {
    for (const value of good) assert.ok(compilePattern(pattern)(value), `${JSON.stringify(pattern)} ${String(value)}`);
    for (const value of bad)
      assert.not.ok(compilePattern(pattern)(value), `${JSON.stringify(pattern)} ${String(value)}`);
  }
});

test('what is missing is null, is not there, and is not one of others', () => {
  assert.ok(compilePattern(null)(undefined));
  assert.ok(compilePattern({ exists: false })(undefined));
  assert.not.ok(compilePattern({ exists: false })(null), 'null is there');
  assert.ok(compilePattern({ not: 'x' })(undefined));
  assert.not.ok(compilePattern('*')(undefined));
  assert.not.ok(compilePattern({ glob: '*' })(3));
  assert.ok(compilePattern({ prefix: 'a' })(['b', 'ab']), 'a member of a list fits');
  assert.not.ok(compilePattern(['a', 'b'])('c'));
});

test('a path goes through objects and lists by their own properties', () => {
  const value = { data: { list: [{ name: 'a' }], text: 'abc', none: null } };
  assert.is(compilePath('data.list.0.name')(value), 'a');
  for (const path of ['data.none.x', 'data.text.length', 'data.list.map', 'data.constructor', 'other', 'data..x'])
    assert.is(compilePath(path)(value), undefined, path);
  assert.is(compilePath('data')(null), undefined);
  assert.is(compilePath('length')('text'), undefined);
});

test('the first field that does not fit is named', () => {
  const one = event('A', { x: 1, y: 2 });
  assert.equal(firstMismatch({ 'data.x': 1, 'data.y': 3, 'data.z': 4 }, one), {
    field: 'data.y',
    expected: 3,
    actual: 2,
  });
  assert.is(firstMismatch({ 'data.x': 1 }, one), undefined);
  assert.is(firstMismatch(undefined, one), undefined);
});

test('a key tells values apart, is one for all without fields, and is bounded', () => {
  const key = (paths: string[] | undefined, data: Record<string, unknown>): string =>
    compileKey(paths)(event('A', data));
  assert.is(key(undefined, { a: 1 }), key(undefined, { a: 2 }));
  const keys = [{ a: 1 }, { a: '1' }, { a: null, b: 1 }, { a: [1] }, { a: true }].map((data) => key(['data.a'], data));
  assert.is(new Set(keys).size, 5);
  assert.is(key(['data.a'], {}), key(['data.a'], { a: null }));
  assert.is.not(key(['data.a', 'data.b'], { a: 'x', b: 'y' }), key(['data.a', 'data.b'], { a: 'x,y' }));
  assert.is(key(['data.a'], { a: 'x'.repeat(10_000) }).length, 512);
  assert.is(key(['data.a', 'data.b'], { a: 'x'.repeat(10_000) }).length, 512);
});

test.run();
