/** Taking away what nobody needs any more: whole segments, the oldest first. */
import { rmSync } from 'node:fs';
import type { Cursor } from '../core/ports.js';
import { fromCursor } from './cursor.js';
import { lastMomentIn } from './last.js';
import { removeIndex } from './segment-index.js';
import { closedSegments, type Segment } from './segments.js';
import { DEDUPE_MS } from './pen.js';

export interface RetentionOptions {
  root: string;
  /** ms since the epoch. */
  now: number;
  /** Messages younger than this (ms) stay; never less than a dedupe key counts. */
  keep_ms: number;
  /** Of the slowest reader: what it has not read stays. */
  slowest: Cursor;
  /** Called before anything goes, when something will: resolves when a SNAPSHOT of what is to be forgotten is durable on the bus. */
  snapshot: () => Promise<void>;
}

/** Resolves with the paths that were removed. The newest closed segment always stays, so that segments count on. */
export const retain = async (options: RetentionOptions): Promise<string[]> => {
  const { root, now, slowest, snapshot } = options;
  const oldest = now - Math.max(options.keep_ms, DEDUPE_MS);
  const { segment: reached } = fromCursor(slowest);
  const old: Segment[] = [];
  for (const segment of closedSegments(root).slice(0, -1)) {
    const last = lastMomentIn([segment]);
    if (segment.number >= reached || !last || last.ms >= oldest) break;
    old.push(segment);
  }
  if (old.length === 0) return [];
  await snapshot();
  for (const segment of old) {
    rmSync(segment.path, { force: true });
    removeIndex(root, segment);
  }
  return old.map(({ path }) => path);
};
