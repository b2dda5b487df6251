/** Rows in the order in which they came, found by key, and paged from the newest without counting from the start. */
export interface Shelf<Row extends { msg_id: string }> {
  get(key: string): Row | undefined;
  add(row: Row): void;
  remove(key: string): void;
  /** Newest first, older than the row of `before`; of one group where it is named. */
  page(options: {
    before?: string;
    group?: string;
    /** Looks at these alone, in place of a group; oldest first. */
    among?: Iterable<Row>;
    limit: number;
    where?: (row: Row) => boolean;
  }): {
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

/** How many of a sorted list are older than the message. */
const countBefore = (rows: readonly { msg_id: string }[], msg_id: string): number => {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rows[middle]?.msg_id ?? '') < msg_id) low = middle + 1;
    else high = middle;
  }
  return low;
};

export const createShelf = <Row extends { msg_id: string }>(
  keyOf: (row: Row) => string,
  groupsOf: (row: Row) => readonly string[] = () => [],
): Shelf<Row> => {
  const byKey = new Map<string, Row>();
  const sorted: Row[] = [];
  const groups = new Map<string, Row[]>();
  const removed = new Set<Row>();

  return {
    get: (key) => byKey.get(key),
    add(row) {
      byKey.set(keyOf(row), row);
      // A message's id rises with its place on the bus, so the end is the right place.
      sorted.push(row);
      for (const name of groupsOf(row)) {
        const group = groups.get(name);
        if (group) group.push(row);
        else groups.set(name, [row]);
      }
    },
    remove(key) {
      const row = byKey.get(key);
      if (row) removed.add(row);
      byKey.delete(key);
    },
    page({ before, group, among, limit, where = () => true }) {
      const list = among ? [...among] : group === undefined ? sorted : (groups.get(group) ?? []);
      const rows: Row[] = [];
      let index = before === undefined ? list.length : countBefore(list, before);
      while (index > 0) {
        index -= 1;
        const row = list[index];
        if (row === undefined || removed.has(row) || !where(row)) continue;
        // One more than asked for tells that there are more.
        if (rows.length === limit) return { rows, next: rows.at(-1)?.msg_id };
        rows.push(row);
      }
      return { rows, next: undefined };
    },
    since: (msg_id) => sorted.slice(countBefore(sorted, `${msg_id}\0`)).filter((row) => !removed.has(row)),
    of: (group) => (groups.get(group) ?? []).filter((row) => !removed.has(row)),
    all: () => byKey.values(),
    get size() {
      return byKey.size;
    },
  };
};
