import { deserialize, serialize } from 'node:v8';
import { Windows } from '../core/flow/windows.js';
import type { Window } from '../core/flow/window.js';
import type { LedgerView } from '../core/ledger-view.js';
import type { Cursor } from '../core/ports.js';
import { emptyView } from './fold.js';

export interface Checkpoint {
  /** Just after `last`. */
  cursor: Cursor;
  /** The last sealed message that is folded in. */
  last: string;
  view: LedgerView;
}

interface Stored extends Omit<Checkpoint, 'view'> {
  version: string;
  view: Omit<LedgerView, 'windows'> & { windows: [string, Window][] };
}

export const packCheckpoint = ({ cursor, last, view }: Checkpoint, version: string): Uint8Array =>
  serialize({ version, cursor, last, view: { ...view, windows: [...view.windows.entries()] } } satisfies Stored);

/** Undefined when another version wrote it, or it is not what it says. */
export const unpackCheckpoint = (content: Uint8Array, version: string): Checkpoint | undefined => {
  try {
    const stored = deserialize(content) as Stored;
    if (stored.version !== version) return undefined;
    const { cursor, last, view } = stored;
    return { cursor, last, view: { ...emptyView(), ...view, windows: Windows.of(view.windows) } };
  } catch {
    return undefined;
  }
};
