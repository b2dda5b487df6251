/**
 * What the write-ahead logs tell, written once more into the bus file where the disk lost it. Every batch goes where it stood,
 * so order and ids are as they were. Nothing that others wrote meanwhile is written over: where something else stands, the
 * batch comes at the end, unless it is found behind.
 */
import { constants, closeSync, fdatasyncSync, fstatSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { IDENTITY_BYTES, entriesOf, type Entry } from './ahead-entry.js';
import { HALF_BYTES, aheadFiles, bootOf, type AheadFile } from './ahead-files.js';
import { busPath, readRange, storageError } from './file.js';
import { tryLock } from './kernel-lock.js';
import { isReadOnly, openLock, type BusLock } from './lock.js';

const told = (path: string): Entry[] => {
  const bytes = readFileSync(path);
  return [0, HALF_BYTES].flatMap((from) => entriesOf(bytes.subarray(from, from + HALF_BYTES)));
};

const writeAt = (fd: number, bytes: Buffer, at: number): void => {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done, at + done);
};

/** What is there is a part of it, and the rest was never written. */
const fits = (there: Buffer, batch: Buffer): boolean =>
  there.every((byte, index) => byte === 0 || byte === batch[index]);

/** Answers whether the file lacked it. */
const redoOne = (fd: number, { offset, batch }: Entry, size: number): boolean => {
  const there = readRange(fd, offset, offset + batch.length);
  if (there.equals(batch)) return false;
  if (fits(there, batch)) {
    writeAt(fd, batch, offset);
    return true;
  }
  if (readRange(fd, offset, size).includes(batch)) return false;
  writeAt(fd, Buffer.concat([TORN_END, batch]), size);
  return true;
};
const TORN_END = Buffer.from('\n\n');

/** A batch is acknowledged when all before it is durable, so what lies behind a gap was not. Answers how many the file lacked. */
const redo = (fd: number, files: readonly AheadFile[]): number => {
  const identity = readRange(fd, 0, IDENTITY_BYTES);
  const entries = files
    .flatMap(({ path }) => told(path))
    .filter((entry) => entry.identity.equals(identity))
    .sort((left, right) => left.offset - right.offset);
  let lacked = 0;
  for (const entry of entries) {
    const { size } = fstatSync(fd);
    if (entry.offset > size) break;
    if (redoOne(fd, entry, size)) lacked += 1;
  }
  return lacked;
};

const openIfThere = (path: string): number | undefined => {
  try {
    return openSync(path, constants.O_RDWR | (constants.O_NOFOLLOW ?? 0));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

/** Into the bus file at `path`, under the lock; durable. Answers how many batches it lacked. */
export const redoIn = (path: string, files: readonly AheadFile[]): number => {
  const fd = openIfThere(path);
  if (fd === undefined) return 0;
  try {
    const lacked = redo(fd, files);
    fdatasyncSync(fd);
    return lacked;
  } finally {
    closeSync(fd);
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
    const lacked = redoIn(
      busPath(root),
      dead.filter((file) => file.boot !== boot),
    );
    for (const { path } of dead) rmSync(path, { force: true });
    return lacked;
  } finally {
    for (const { fd } of dead) closeSync(fd);
  }
};

/**
 * To be called before the bus is read or written: brings back what a power cut took. Resolves with how many batches that
 * were. `sweeps`: logs that writers left when they were killed go, too. `boot`: of the machine, since it was started.
 */
export const recover = async (root: string, sweeps: boolean, boot?: string): Promise<number> => {
  const files = aheadFiles(root);
  const now = files.length === 0 ? undefined : (boot ?? bootOf());
  if (now === undefined || !files.some((file) => sweeps || file.boot !== now)) return 0;
  let lock: BusLock;
  try {
    lock = openLock(root);
  } catch (error) {
    // Where we may not write we may still read.
    if (isReadOnly(error)) return 0;
    throw error;
  }
  try {
    return await lock.hold(() => redoDead(root, now));
  } catch (error) {
    if (isReadOnly(error)) return 0;
    throw storageError(`cannot bring back what a power cut took from ${busPath(root)}`, error);
  } finally {
    lock.close();
  }
};
