/**
 * After a failed fdatasync the kernel may have dropped what it could not write, and would say that all is well if it were
 * asked again. So everything goes into a new file, which takes the name once it is durable.
 */
import { closeSync, constants, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { aheadFiles } from './ahead-files.js';
import { uniqueSuffix } from './crypto.js';
import { CHUNK, busPath, readRange } from './file.js';
import { redoIn } from './redo.js';
import { closedAs, isSameFile } from './segments.js';

/** Copies from `at` to the end; answers where that was. */
const copy = (from: number, to: number, at: number): number => {
  for (;;) {
    const chunk = readRange(from, at, at + CHUNK);
    if (chunk.length === 0) return at;
    for (let done = 0; done < chunk.length;) done += writeSync(to, chunk, done, chunk.length - done);
    at += chunk.length;
  }
};

/** Under the lock. `fd`: of the file, under whatever name it has by now. */
export const renew = (root: string, fd: number): void => {
  const path = isSameFile(busPath(root), fd) ? busPath(root) : closedAs(root, fd)?.segment.path;
  const logs = aheadFiles(root);
  if (path === undefined) {
    // Another was first, and lacks perhaps what we were told by then.
    redoIn(busPath(root), logs);
    return;
  }
  const partial = `${path}.${uniqueSuffix()}`;
  const renewed = openSync(
    partial,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_APPEND,
    0o640,
  );
  try {
    const end = copy(fd, renewed, 0);
    redoIn(partial, logs);
    fsyncSync(renewed);
    renameSync(partial, path);
    // Of a writer without the lock.
    if (copy(fd, renewed, end) > end) fsyncSync(renewed);
    const folder = openSync(root, constants.O_RDONLY);
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  } finally {
    closeSync(renewed);
  }
};
