import { close, closeSync, constants, fstatSync, ftruncateSync, openSync, statSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { tryLock } from 'fs-native-extensions';
import { me, mine, ownerOf } from './owner.js';

const PATIENCE_MS = 250;

const own = (file: string): (() => void) | 'held' | 'gone' => {
  for (;;) {
    let fd: number;
    try {
      // Made only where the folder is: a run that has ended gets no new one.
      fd = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'gone';
      throw error;
    }
    if (!tryLock(fd)) {
      closeSync(fd);
      return 'held';
    }
    // Between the two, the owner before us may have finished and removed the folder.
    if (statSync(file, { throwIfNoEntry: false })?.ino !== fstatSync(fd).ino) {
      closeSync(fd);
      continue;
    }
    try {
      ftruncateSync(fd, 0);
      writeSync(fd, JSON.stringify(me()));
    } catch (error) {
      // On a full disk nobody has it, also not who could not say so.
      closeSync(fd);
      throw error;
    }
    mine.add(file);
    return () => {
      mine.delete(file);
      // The file is gone by now, and the last to close it pays for that: another thread.
      close(fd, () => undefined);
    };
  }
};

/**
 * Only one process reports a run. Whoever else comes waits until the first is done (then the folder is gone:
 * undefined) or dead (then the kernel gave the lock back). Returns the way to give it up.
 */
export const becomeOwner = async (file: string, signal: AbortSignal): Promise<(() => void) | undefined> => {
  for (;;) {
    const disown = own(file);
    if (disown === 'gone') return undefined;
    if (disown !== 'held') return disown;
    // Not before: who stops an orphan must own it first.
    if (signal.aborted) return undefined;
    await delay(PATIENCE_MS, undefined, { signal }).catch(() => undefined);
  }
};

/** Whether any process holds the lock; the kernel knows it also where pids mean nothing. */
export const isOwned = (file: string): boolean => {
  if (ownerOf(file) !== undefined) return true;
  const disown = own(file);
  if (disown === 'held') return true;
  if (disown !== 'gone') disown();
  return false;
};
