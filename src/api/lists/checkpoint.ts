import { deserialize, serialize } from 'node:v8';
import type { Cursor } from '../../core/ports.js';
import { emptyShelves, type Shelves } from './shelves.js';

export interface ListsCheckpoint {
  /** Just after `last`. */
  cursor: Cursor;
  /** The last sealed message that is folded in. */
  last: string;
  shelves: Shelves;
}

const SHELVES = ['runs', 'tasks', 'activations', 'approvals'] as const;
type Shelf = (typeof SHELVES)[number];

interface Stored extends Omit<ListsCheckpoint, 'shelves'> {
  version: string;
  counts: [string, number][];
  ruleErrors: Shelves['ruleErrors'];
  rows: Record<Shelf, object[]>;
}

export const packLists = ({ cursor, last, shelves }: ListsCheckpoint, version: string): Uint8Array => {
  const rows = Object.fromEntries(SHELVES.map((name) => [name, [...shelves[name].all()]])) as Stored['rows'];
  return serialize({
    version,
    cursor,
    last,
    counts: [...shelves.counts],
    ruleErrors: shelves.ruleErrors,
    rows,
  } satisfies Stored);
};

/** Undefined when another version wrote it, or it is not what it says. */
export const unpackLists = (content: Uint8Array, version: string): ListsCheckpoint | undefined => {
  try {
    const { version: by, cursor, last, counts, ruleErrors, rows } = deserialize(content) as Stored;
    if (by !== version) return undefined;
    const shelves = emptyShelves();
    for (const name of SHELVES) for (const row of rows[name]) shelves[name].add(row as never);
    shelves.ruleErrors.push(...ruleErrors);
    for (const [type, count] of counts) shelves.counts.set(type, count);
    return { cursor, last, shelves };
  } catch {
    return undefined;
  }
};
