import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { setBounded } from '../../src/core/bounded.js';

for (const most of [1, 2, 15, 16, 100]) {
  test(`a map of ${most} holds the newest, and never more`, () => {
    const map = new Map<number, string>();
    for (let key = 0; key < 5 * most; key += 1) {
      setBounded(map, key, `${key}`, most);
      assert.ok(map.size <= most);
      assert.ok(key < most || map.size >= most - most / 16);
      assert.equal(
        [...map.keys()],
        Array.from({ length: map.size }, (_, index) => key - map.size + 1 + index),
      );
      assert.is(map.get(key), `${key}`);
    }
  });
}

test('what is set again counts as new', () => {
  const map = new Map<string, number>();
  for (const key of ['a', 'b', 'a', 'c']) setBounded(map, key, 0, 2);
  assert.equal([...map.keys()], ['a', 'c']);
});

test.run();
