import { randomBytes } from 'node:crypto';
import { closeSync, fsync, openSync, rename, renameSync, rmSync, writeFile, writeFileSync } from 'node:fs';
import { link, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** Other processes may have our pid, in namespaces of their own. */
const ours = `${process.pid}.${randomBytes(6).toString('hex')}`;
let count = 0;

const temporaryBeside = (path: string): string => join(dirname(path), `.${basename(path)}.${ours}.${(count += 1)}.tmp`);

/** So much is written at once; more is for another thread, as every wait for the disk is. */
const SMALL = 64 * 1024;
const sync = promisify(fsync);
const replace = promisify(rename);

/** Makes a rename or a link in this folder survive a power cut. */
export const syncFolder = async (folder: string): Promise<void> => {
  const file = openSync(folder, 'r');
  try {
    await sync(file);
  } finally {
    closeSync(file);
  }
};

const writeDurably = async (path: string, content: string | Uint8Array, mode: number): Promise<void> => {
  const file = openSync(path, 'wx', mode);
  try {
    if (content.length <= SMALL) writeFileSync(file, content);
    else await promisify(writeFile)(file, content);
    await sync(file);
  } finally {
    closeSync(file);
  }
};

/** Readers see the old content or the new one, never a part; durable when it resolves. */
export const writeAtomically = async (path: string, content: string | Uint8Array, mode = 0o644): Promise<void> => {
  const temporary = temporaryBeside(path);
  try {
    await writeDurably(temporary, content, mode);
    renameSync(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
};

/** As writeAtomically, but readers see it sooner, and a power cut before it resolves may leave nothing of either. */
export const writeThenSync = async (path: string, content: string | Uint8Array, mode = 0o644): Promise<void> => {
  await writeInPlaceOf(path, content, mode);
  const file = openSync(path, 'r');
  try {
    await Promise.all([sync(file), syncFolder(dirname(path))]);
  } finally {
    closeSync(file);
  }
};

/** Where there is nothing yet: readers see all of it or none; a power cut may lose it. */
export const writeNew = (path: string, content: string | Uint8Array, mode = 0o644): void => {
  const temporary = temporaryBeside(path);
  try {
    writeFileSync(temporary, content, { mode, flag: 'wx' });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
};

/**
 * Readers see the old content or the new one, never a part; a power cut may lose it. The file system writes out what
 * takes the place of an older file: that is for another thread.
 */
export const writeInPlaceOf = async (path: string, content: string | Uint8Array, mode = 0o644): Promise<void> => {
  const temporary = temporaryBeside(path);
  try {
    writeFileSync(temporary, content, { mode, flag: 'wx' });
    await replace(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
};

/** As writeAtomically, but the first writer wins. False when the file was there already. */
export const createAtomically = async (path: string, content: string | Uint8Array, mode = 0o644): Promise<boolean> => {
  const temporary = temporaryBeside(path);
  try {
    await writeDurably(temporary, content, mode);
    // A link, unlike a rename, refuses to replace what another process put there a moment ago.
    await link(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  await syncFolder(dirname(path));
  return true;
};
