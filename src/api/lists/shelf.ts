/** Rows in the order in which they came, found by key and by group, and paged from the newest without counting from the start. */
export interface Shelf<Row extends { msg_id: string }> {
  get(key: string): Row | undefined;
  add(row: Row): void;
  /** What is changed may put the row into other groups. */
  change(row: Row, change: (row: Row) => void): void;
  remove(key: string): void;
  /** Newest first, older than the row of `before`, which is `next` of the page before; of all `groups` that are named. */
  page(options: { before?: string; groups?: readonly string[]; limit: number; where?: (row: Row) => boolean }): {
    rows: Row[];
    next: string | undefined;
  };
  /** Those that came after the message, oldest first. */
  since(msg_id: string): Row[];
  /** Every row of a group, oldest first. */
  of(group: string): Row[];
  /** In the order in which they were added: `add` of each makes the same shelf again. */
  all(): Iterable<Row>;
  readonly size: number;
}

export const createShelf = <Row extends { msg_id: string }>(
  keyOf: (row: Row) => string,
  groupsOf: (row: Row) => readonly string[],
): Shelf<Row> => {
  const byKey = new Map<string, Row>();
  const sorted: Row[] = [];
  const groups = new Map<string, Row[]>();
  /** One message may bring many rows: which of them it is, where it is not the first. */
  const turns = new Map<Row, number>();
  const turnOf = (row: Row): number => turns.get(row) ?? 0;

  /** How many of a list are older than that row of the message. */
  const countBefore = (rows: readonly Row[], msg_id: string, turn: number): number => {
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const row = rows[middle] as Row;
      if (row.msg_id < msg_id || (row.msg_id === msg_id && turnOf(row) < turn)) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const placeOf = (rows: readonly Row[], row: Row): number => countBefore(rows, row.msg_id, turnOf(row));
  const cursorOf = (row: Row): string => (turns.has(row) ? `${row.msg_id}.${turnOf(row)}` : row.msg_id);
  const countOlder = (rows: readonly Row[], cursor: string): number => {
    const [msg_id = '', turn = '0'] = cursor.split('.');
    return countBefore(rows, msg_id, Number(turn));
  };

  const put = (name: string, row: Row): void => {
    const group = groups.get(name);
    if (group) group.splice(placeOf(group, row), 0, row);
    else groups.set(name, [row]);
  };
  const take = (name: string, row: Row): void => {
    const group = groups.get(name);
    group?.splice(placeOf(group, row), 1);
    if (group?.length === 0) groups.delete(name);
  };
  const shortestOf = (names: readonly string[]): readonly Row[] =>
    names
      .map((name) => groups.get(name) ?? [])
      .reduce((one, other) => (other.length < one.length ? other : one), sorted);

  return {
    get: (key) => byKey.get(key),
    add(row) {
      byKey.set(keyOf(row), row);
      const newest = sorted.at(-1);
      if (newest?.msg_id === row.msg_id) turns.set(row, turnOf(newest) + 1);
      // A message's id rises with its place on the bus, so the end is the right place.
      sorted.push(row);
      for (const name of groupsOf(row)) put(name, row);
    },
    change(row, change) {
      const before = groupsOf(row);
      change(row);
      const after = groupsOf(row);
      for (const name of before) if (!after.includes(name)) take(name, row);
      for (const name of after) if (!before.includes(name)) put(name, row);
    },
    remove(key) {
      const row = byKey.get(key);
      if (!row) return;
      byKey.delete(key);
      sorted.splice(placeOf(sorted, row), 1);
      for (const name of groupsOf(row)) take(name, row);
      turns.delete(row);
    },
    page({ before, groups: names = [], limit, where = () => true }) {
      const list = shortestOf(names);
      const isOfAll = (row: Row): boolean => {
        if (names.length < 2) return true;
        const its = groupsOf(row);
        return names.every((name) => its.includes(name));
      };
      const rows: Row[] = [];
      for (let index = before === undefined ? list.length : countOlder(list, before); index > 0; index -= 1) {
        const row = list[index - 1] as Row;
        if (!isOfAll(row) || !where(row)) continue;
        const last = rows.at(-1);
        // One more than asked for tells that there are more.
        if (last && rows.length === limit) return { rows, next: cursorOf(last) };
        rows.push(row);
      }
      return { rows, next: undefined };
    },
    since: (msg_id) => sorted.slice(countBefore(sorted, msg_id, Infinity)),
    of: (group) => [...(groups.get(group) ?? [])],
    all: () => byKey.values(),
    get size() {
      return byKey.size;
    },
  };
};
