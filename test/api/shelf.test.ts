import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createShelf } from '../../src/api/lists/shelf.js';
import { randomOf } from '../support/random.js';

interface Row {
  key: string;
  msg_id: string;
  colour: string;
  size: string;
}

const shelf = () =>
  createShelf<Row>(
    ({ key }) => key,
    ({ colour, size }) => [`colour ${colour}`, `size ${size}`],
  );
const id = (n: number): string => `MSG-${String(n).padStart(6, '0')}`;

test('whatever is added, changed and removed, pages and groups show what a plain list would show', () => {
  const random = randomOf(11);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const colours = ['red', 'green', 'blue', 'white'];
  const sizes = ['small', 'large'];
  const rows = shelf();
  const model: Row[] = [];
  let message = 0;
  for (let n = 0; n < 4_000; n++) {
    const dice = random();
    if (dice < 0.5 || model.length === 0) {
      // Every third message brings more rows than one.
      if (random() < 0.66) message += 1;
      const row = { key: `row-${n}`, msg_id: id(message), colour: pick(colours), size: pick(sizes) };
      rows.add(row);
      model.push(row);
    } else if (dice < 0.8) {
      rows.change(pick(model), (row) => (row.colour = pick(colours)));
    } else {
      const row = pick(model);
      rows.remove(row.key);
      model.splice(model.indexOf(row), 1);
    }
  }
  assert.is(rows.size, model.length);
  assert.equal([...rows.all()], model);
  for (const colour of colours)
    assert.equal(
      rows.of(`colour ${colour}`),
      model.filter((row) => row.colour === colour),
    );
  for (const [groups, where] of [
    [[], () => true],
    [['colour red'], ({ colour }: Row) => colour === 'red'],
    [['colour red', 'size large'], ({ colour, size }: Row) => colour === 'red' && size === 'large'],
    [['colour black'], () => false],
  ] as const) {
    const all: Row[] = [];
    let next: string | undefined;
    do {
      const page = rows.page({ limit: 7, groups, ...(next === undefined ? {} : { before: next }) });
      all.push(...page.rows);
      next = page.next;
    } while (next !== undefined);
    assert.equal(all, model.filter(where).reverse());
  }
  const middle = model[Math.floor(model.length / 2)]!.msg_id;
  assert.equal(
    rows.since(middle),
    model.filter(({ msg_id }) => msg_id > middle),
  );
});

test('rows that one message brought are on one page each, also while others arrive and go', () => {
  const rows = shelf();
  const row = (key: string, n: number): Row => ({ key, msg_id: id(n), colour: 'red', size: 'small' });
  for (const key of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) rows.add(row(key, 1));
  const first = rows.page({ limit: 3 });
  rows.add(row('new', 2));
  rows.remove('e');
  const second = rows.page({ limit: 3, before: first.next! });
  rows.remove('b');
  const third = rows.page({ limit: 3, before: second.next! });
  assert.equal(
    [first, second, third].map((page) => page.rows.map(({ key }) => key)),
    [['g', 'f', 'e'], ['d', 'c', 'b'], ['a']],
  );
  assert.is(third.next, undefined);
});

test.run();
