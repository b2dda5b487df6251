import { deserialize, serialize } from 'node:v8';
import { Windows } from '../core/flow/windows.js';
import type { Window } from '../core/flow/window.js';
import type { Cursor } from '../core/ports.js';
import { Backlog } from './backlog.js';
import { emptyView, type View } from './fold.js';

export interface Checkpoint {
  /** Just after `last`. */
  cursor: Cursor;
  /** The last sealed message that is folded in. */
  last: string;
  view: View;
}

interface Stored extends Omit<Checkpoint, 'view'> {
  version: string;
  view: Omit<View, 'windows' | 'undecided'> & { windows: [string, Window][]; undecided: Backlog['parts'] };
}

export const packCheckpoint = ({ cursor, last, view }: Checkpoint, version: string): Uint8Array =>
  serialize({
    version,
    cursor,
    last,
    view: { ...view, windows: [...view.windows.entries()], undecided: view.undecided.parts },
  } satisfies Stored);

/** Undefined when another version wrote it, or it is not what it says. */
export const unpackCheckpoint = (content: Uint8Array, version: string): Checkpoint | undefined => {
  try {
    const stored = deserialize(content) as Stored;
    if (stored.version !== version) return undefined;
    const { cursor, last, view } = stored;
    const [windows, undecided] = [Windows.of(view.windows), Backlog.ofParts(view.undecided)];
    return { cursor, last, view: { ...emptyView(), ...view, windows, undecided } };
  } catch {
    return undefined;
  }
};
