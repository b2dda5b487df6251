/** Taking away what nobody needs any more: whole closed segments, the oldest first, and the blobs that they alone named. */
import { rmSync, statSync } from 'node:fs';
import { DEDUPE_MS } from '../core/dedupe.js';
import type { Cursor } from '../core/ports.js';
import { sweepBlobs, type Taken } from './blob-sweep.js';
import { fromCursor } from './cursor.js';
import { lastMomentIn } from './last.js';
import { removeIndex } from './segment-index.js';
import { closedSegments, type Segment } from './segments.js';

/** Where the fold may go on from when what was before it is gone. */
export interface Snapshot {
  cursor: Cursor;
  /** Name of the blob that holds it. */
  fold: string;
}

export interface RetentionOptions {
  root: string;
  /** ms since the epoch. */
  now: number;
  /** Messages younger than this (ms) stay; never less than a dedupe key counts. */
  keep_ms: number;
  /** Of the slowest reader: what it has not read stays. Undefined: it has read nothing. */
  slowest: Cursor | undefined;
  /** ms since the epoch: what something open may still ask for stays. */
  needed: number;
  /** Called before anything goes, when something will: resolves when a SNAPSHOT of what is to be forgotten is durable on the bus. */
  snapshot: () => Promise<Snapshot>;
  /** Only says what would go; of blobs nothing is said then. */
  dry_run?: boolean;
}

const oldSegments = ({ root, now, keep_ms, slowest, needed }: RetentionOptions): Segment[] => {
  if (slowest === undefined) return [];
  const oldest = Math.min(now - Math.max(keep_ms, DEDUPE_MS), needed);
  const { segment: reached } = fromCursor(slowest);
  const old: Segment[] = [];
  // The newest closed segment always stays, so that segments count on.
  for (const segment of closedSegments(root).slice(0, -1)) {
    const last = lastMomentIn([segment]);
    if (segment.number >= reached || !last || last.ms >= oldest) break;
    old.push(segment);
  }
  return old;
};

/** Resolves with what was removed. */
export const retain = async (options: RetentionOptions): Promise<Taken[]> => {
  const { root, now, snapshot, dry_run } = options;
  const old = oldSegments(options);
  if (old.length === 0) return [];
  const taken = (segments: readonly Segment[]): Taken[] =>
    segments.map(({ path }) => ({ path, bytes: statSync(path).size }));
  if (dry_run) return taken(old);
  const { cursor, fold } = await snapshot();
  const gone = old.filter(({ number }) => number < fromCursor(cursor).segment);
  const removed = taken(gone);
  for (const segment of gone) {
    rmSync(segment.path, { force: true });
    removeIndex(root, segment);
  }
  return [...removed, ...(await sweepBlobs(root, now, [fold]))];
};
