/**
 * What the write-ahead logs tell, written once more into the file of the bus that it was written to, where the disk lost it.
 * Every batch goes where it stood, so order and ids are as they were. Nothing that others wrote meanwhile is written over: where
 * something else stands, what is newer than all that is left of them comes at the end. What is older was taken out by hand, or moved.
 */
import { constants, closeSync, fdatasyncSync, fstatSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { IDENTITY_BYTES, entriesOf, type Entry } from './ahead-entry.js';
import { ANY_BOOT, HALF_BYTES, aheadFiles, aheadPath, bootOf, type AheadFile } from './ahead-files.js';
import { messagesOf, newestKept } from './ahead-kept.js';
import { busPath, readRange, storageError } from './file.js';
import { tryLock } from './kernel-lock.js';
import { isReadOnly, openLock, type BusLock } from './lock.js';
import { closedSegments, openToRead } from './segments.js';
import { isAfter, type Moment } from './stamp.js';

const openIfThere = (path: string): number | undefined => {
  try {
    return openSync(path, constants.O_RDWR | (constants.O_NOFOLLOW ?? 0));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

const told = ({ path }: AheadFile): Entry[] => {
  const fd = openIfThere(path);
  if (fd === undefined) return [];
  try {
    return [0, HALF_BYTES].flatMap((from) => entriesOf(readRange(fd, from, from + HALF_BYTES)));
  } finally {
    closeSync(fd);
  }
};

const writeAt = (fd: number, bytes: Buffer, at: number): void => {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done, at + done);
};

/** What is there is a part of it, and the rest was never written. */
const fits = (there: Buffer, batch: Buffer): boolean =>
  there.length > 0 && there.every((byte, index) => byte === 0 || byte === batch[index]);

/** What is missing comes back; else only what the kernel has or had of it is written to the disk again. */
type Manner = 'restore' | 'rewrite';

/** A batch is acknowledged when all before it is durable, so what lies behind a gap was not. Answers how many the file lacked. */
const redo = (fd: number, entries: readonly Entry[], manner: Manner): number => {
  let lacked = 0;
  let newest: { moment: Moment | undefined } | undefined;
  for (const { offset, batch } of entries) {
    const { size } = fstatSync(fd);
    if (offset > size) break;
    const there = readRange(fd, offset, offset + batch.length);
    const isThere = there.equals(batch);
    if (manner === 'rewrite' && there.length < batch.length) break;
    if (isThere || fits(there, batch)) {
      // Also where it is there, for that may be what the kernel could not write and forgot.
      writeAt(fd, batch, offset);
      if (!isThere) lacked += 1;
      continue;
    }
    if (manner === 'rewrite') continue;
    const { moment } = (newest ??= { moment: newestKept(fd, entries, size) });
    const messages = messagesOf(batch);
    const first = messages.find((told) => !moment || isAfter(told.moment, moment));
    if (!first) continue;
    const newer = batch.subarray(first.from);
    writeAt(fd, offset === size ? newer : Buffer.concat([TORN_END, newer]), size);
    newest = { moment: messages.at(-1)!.moment };
    lacked += 1;
  }
  return lacked;
};
const TORN_END = Buffer.from('\n\n');

/** Into the bus's file at `path`, under the lock; durable. Answers how many batches it lacked. */
const redoEntries = (path: string, entries: readonly Entry[], manner: Manner = 'restore'): number => {
  const fd = openIfThere(path);
  if (fd === undefined) return 0;
  try {
    const identity = identityOf(fd);
    const own = entries
      .filter((entry) => entry.identity.equals(identity))
      .sort((left, right) => left.offset - right.offset);
    const lacked = redo(fd, own, manner);
    fdatasyncSync(fd);
    return lacked;
  } finally {
    closeSync(fd);
  }
};

const identityOf = (fd: number): Buffer => readRange(fd, 0, IDENTITY_BYTES);

/** Whether any of it was written to this file. */
const concerns = (entries: readonly Entry[], path: string): boolean => {
  const fd = openToRead(path);
  if (fd === undefined) return false;
  try {
    const identity = identityOf(fd);
    return entries.some((entry) => entry.identity.equals(identity));
  } finally {
    closeSync(fd);
  }
};

/** A segment that was made read-only stays as it is. */
const redoWhereAllowed = (...words: Parameters<typeof redoEntries>): number => {
  try {
    return redoEntries(...words);
  } catch (error) {
    if (isReadOnly(error)) return 0;
    throw error;
  }
};

export const redoIn = (path: string, files: readonly AheadFile[]): number => redoEntries(path, files.flatMap(told));

/** Also into segments that were closed since: a writer that waits for no disk closes them as they are. */
const redoAll = (root: string, files: readonly AheadFile[], manner: Manner): number => {
  const entries = files.flatMap(told);
  const segments = entries.length === 0 ? [] : closedSegments(root);
  const closed = segments.map(({ path }) => path).filter((path) => concerns(entries, path));
  return closed.reduce(
    (lacked, path) => lacked + redoWhereAllowed(path, entries, manner),
    redoEntries(busPath(root), entries, manner),
  );
};

/** It has to be redone while the machine runs, too. */
const keep = (root: string, path: string): void => {
  try {
    renameSync(path, aheadPath(root, ANY_BOOT));
  } catch {
    // Then a new start of the machine has to do.
  }
};

/** Under the lock. Logs of writers that live are left to them. */
const redoDead = (root: string, boot: string): number => {
  const dead: (AheadFile & { fd: number })[] = [];
  try {
    for (const file of aheadFiles(root)) {
      const fd = openIfThere(file.path);
      if (fd === undefined) continue;
      if (tryLock(fd)) dead.push({ ...file, fd });
      else closeSync(fd);
    }
    if (dead.length === 0) return 0;
    // While the machine runs, the kernel has all that was written, and the bus may have been changed by hand since.
    const ofNow = dead.filter((file) => file.boot === boot);
    redoAll(root, ofNow, 'rewrite');
    const ofBefore = dead.filter((file) => file.boot !== boot);
    const lacked = redoAll(root, ofBefore, 'restore');
    for (const { path } of dead) rmSync(path, { force: true });
    return lacked;
  } catch (error) {
    // The disk may lack what the kernel has.
    for (const { path } of dead) keep(root, path);
    throw error;
  } finally {
    for (const { fd } of dead) closeSync(fd);
  }
};

/**
 * The writer is gone. Asked without the bus's lock, which somebody may hold for long, and so only of what need not be redone:
 * whoever asks at the same time takes it for living.
 */
const isDead = ({ path }: AheadFile): boolean => {
  const fd = openIfThere(path);
  if (fd === undefined) return false;
  try {
    return tryLock(fd);
  } finally {
    closeSync(fd);
  }
};

/**
 * To be called before the bus is read or written: brings back what a power cut took. Resolves with how many batches that
 * were. `sweeps`: logs that writers left when they were killed go, too. `boot`: of the machine, since it was started.
 */
export const recover = async (root: string, sweeps: boolean, boot?: string): Promise<number> => {
  let lock: BusLock | undefined;
  try {
    const files = aheadFiles(root);
    if (files.length === 0) return 0;
    // Where the kernel does not tell, too much is told rather than too little.
    const now = boot ?? bootOf() ?? '';
    if (!files.some((file) => file.boot !== now || (sweeps && isDead(file)))) return 0;
    const held = (lock = openLock(root));
    return await held.hold(() => redoDead(root, now));
  } catch (error) {
    // Where we may not write we may still read.
    if (isReadOnly(error)) return 0;
    throw storageError(`cannot bring back what a power cut took from ${busPath(root)}`, error);
  } finally {
    lock?.close();
  }
};
