import { readSync } from 'node:fs';
import { join } from 'node:path';
import { ConductorError } from '../core/errors.js';

export const BUS_FILE = 'MESSAGE-BUS.md';
export const busPath = (root: string): string => join(root, BUS_FILE);
export const CHUNK = 1024 * 1024;
/** What is taken apart in one turn of the event loop, in a millisecond or two. */
export const STRETCH = 64 * 1024;

/** Lets everything else have its turn. */
export const breath = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

export const storageError = (what: string, cause: unknown): ConductorError =>
  new ConductorError('storage', `${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });

/** Fills the buffer with the bytes at `from`; answers how many there were. */
export const readInto = (fd: number, buffer: Buffer, from: number): number => {
  let filled = 0;
  while (filled < buffer.length) {
    const count = readSync(fd, buffer, filled, buffer.length - filled, from + filled);
    if (count === 0) break;
    filled += count;
  }
  return filled;
};

/** Exactly the bytes from `from` to `to`, or fewer at the end of the file. */
export const readRange = (fd: number, from: number, to: number): Buffer => {
  const buffer = Buffer.allocUnsafe(Math.max(0, to - from));
  return buffer.subarray(0, readInto(fd, buffer, from));
};
