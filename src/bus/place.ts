/** Where a cursor is in the bus of now, which may have been cut, replaced or cleaned up since. */
import { closeSync, fstatSync } from 'node:fs';
import type { DamagedRange } from '../core/ports.js';
import type { Position } from './cursor.js';
import { busPath } from './file.js';
import { lastSealed } from './last.js';
import { firstSealed } from './locate.js';
import { closedSegments, numberAfter, openSegment, openToRead, type Segment } from './segments.js';
import { isAfter, momentOf } from './stamp.js';

export interface Place {
  segment: number;
  offset: number;
  /** It is not where it was: what is said of that. What was told before is then to be passed over. */
  moved?: DamagedRange;
}

/** The last sealed message of the last of these segments that has one. */
const lastSealedIn = (segments: readonly Segment[]): string | undefined => {
  for (const { path } of segments.toReversed()) {
    const fd = openToRead(path);
    if (fd === undefined) continue;
    try {
      const found = lastSealed(fd, fstatSync(fd).size);
      if (found !== undefined) return found;
    } finally {
      closeSync(fd);
    }
  }
  return undefined;
};

/** The newest segment that begins no later than the message, else the oldest. */
const segmentOf = (root: string, msg_id: string, closed: readonly Segment[]): number => {
  const moment = momentOf(msg_id);
  const live = numberAfter(closed);
  const all = [...closed, { number: live, path: busPath(root) }];
  for (const { number, path } of all.toReversed()) {
    const fd = openToRead(path);
    if (fd === undefined) continue;
    try {
      const first = firstSealed(fd, 0, fstatSync(fd).size);
      if (first && moment && !isAfter(first.moment, moment)) return number;
    } finally {
      closeSync(fd);
    }
  }
  return all[0]?.number ?? live;
};

export const place = (root: string, { segment, offset, last }: Position): Place => {
  const closed = closedSegments(root);
  const live = numberAfter(closed);
  const oldest = closed[0]?.number ?? live;
  if (segment < oldest) {
    const reason = `segment ${segment} was removed before it was read on from byte ${offset}`;
    return { segment: oldest, offset: 0, moved: { file: busPath(root), segment, from: 0, to: 0, reason } };
  }
  const part = openSegment(root, segment);
  try {
    const size = part ? fstatSync(part.fd).size : 0;
    const before = closed.filter(({ number }) => number < segment);
    const isThere = segment <= live && offset <= size;
    if (isThere && last === undefined) return { segment, offset };
    if (isThere && ((part && lastSealed(part.fd, offset)) ?? lastSealedIn(before)) === last) return { segment, offset };
    const reason = `it was read up to byte ${offset} of segment ${segment}, and was cut or replaced since`;
    const moved = { file: part?.path ?? busPath(root), segment, from: Math.min(size, offset), to: offset, reason };
    if (last !== undefined) return { segment: segmentOf(root, last, closed), offset: 0, moved };
    // Nothing tells what was read: it counts as all that is there.
    const end = segment === live ? part : openSegment(root, live);
    try {
      return { segment: live, offset: end ? fstatSync(end.fd).size : 0, moved };
    } finally {
      if (end && end !== part) closeSync(end.fd);
    }
  } finally {
    if (part) closeSync(part.fd);
  }
};
