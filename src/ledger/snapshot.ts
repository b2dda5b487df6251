/** The fold as text, for SNAPSHOT: unlike a checkpoint it is all that is left of what was removed, so later versions read it. */
import { Windows } from '../core/flow/windows.js';
import type { Window } from '../core/flow/window.js';
import type { Event } from '../core/event.js';
import type { LedgerView } from '../core/ledger-view.js';
import type { Blobs, Bus } from '../core/ports.js';
import type { Checkpoint } from './checkpoint.js';
import { Backlog } from './backlog.js';
import { emptyView, type View } from './fold.js';

/** Data of SNAPSHOT. */
export interface SnapshotFact {
  /** Of the text below. */
  format: 1;
  /** The last message that is folded in, and just after it. */
  last: string;
  cursor: string;
  /** sha256 of the blob that holds the text. */
  fold: string;
}

/** Maps, sets and whatever could be taken for one of ours are objects of one key. */
const toJson = (value: unknown): unknown => {
  if (value instanceof Map) return { $map: [...value].map(([key, one]) => [toJson(key), toJson(one)]) };
  if (value instanceof Set) return { $set: [...value].map(toJson) };
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, one]): [string, unknown] => [key, toJson(one)]);
  return entries.some(([key]) => key.startsWith('$')) ? { $object: entries } : Object.fromEntries(entries);
};

const fromJson = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(fromJson);
  if (typeof value !== 'object' || value === null) return value;
  const { $map, $set, $object } = value as {
    $map?: [unknown, unknown][];
    $set?: unknown[];
    $object?: [string, unknown][];
  };
  if ($map) return new Map($map.map(([key, one]) => [fromJson(key), fromJson(one)]));
  if ($set) return new Set($set.map(fromJson));
  return Object.fromEntries(($object ?? Object.entries(value)).map(([key, one]) => [key, fromJson(one)]));
};

export const packView = (view: View): Buffer => {
  const windows = new Map(view.windows.entries());
  const undecided = new Map([...view.undecided.values()].map((event) => [event.msg_id, event]));
  return Buffer.from(JSON.stringify(toJson({ ...view, windows, undecided })));
};

export const unpackView = (text: Uint8Array): View => {
  const view = fromJson(JSON.parse(Buffer.from(text).toString('utf8'))) as Omit<LedgerView, 'windows' | 'undecided'> & {
    windows: Map<string, Window>;
    undecided: Map<string, Event>;
  };
  const [windows, undecided] = [Windows.of(view.windows), Backlog.of(view.undecided.values())];
  return { ...emptyView(), ...view, windows, undecided };
};

/** The newest SNAPSHOT that can be read. */
export const newestSnapshot = async (bus: Bus, blobs: Blobs): Promise<Checkpoint | undefined> => {
  const said: Event[] = [];
  for await (const event of bus.read({ types: ['SNAPSHOT'] })) if (event.authentic) said.push(event);
  for (const { data } of said.reverse()) {
    const { format, last, cursor, fold } = data as unknown as SnapshotFact;
    const text = format === 1 ? await blobs.get(fold) : undefined;
    if (text) return { cursor, last, view: unpackView(text) };
  }
  return undefined;
};
