import { lstatSync } from 'node:fs';
import type { Position } from './cursor.js';
import { busPath } from './file.js';
import { isReadOnly, openLock, type BusLock } from './lock.js';
import { closedSegments, numberAfter } from './segments.js';

/** The end of the bus as it is; the end of a record where no writer is at work. */
export const endNow = (root: string): Position => ({
  segment: numberAfter(closedSegments(root)),
  offset: lstatSync(busPath(root), { throwIfNoEntry: false })?.size ?? 0,
});

const tryLock = (root: string): BusLock | undefined => {
  try {
    return openLock(root);
  } catch (error) {
    if (isReadOnly(error)) return undefined;
    throw error;
  }
};

/** The end of the bus while nobody writes. */
export const endOf = async (root: string): Promise<Position> => {
  const lock = tryLock(root);
  if (!lock) return endNow(root);
  try {
    return await lock.hold(() => endNow(root));
  } finally {
    lock.close();
  }
};
