import { randomBytes } from 'node:crypto';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { link, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

const temporaryBeside = (path: string): string =>
  join(dirname(path), `.${basename(path)}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`);

/** Makes a rename or a link in this folder survive a power cut. */
export const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

const writeDurably = async (path: string, content: string | Uint8Array, mode: number): Promise<void> => {
  const handle = await open(path, 'wx', mode);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** Readers see the old content or the new one, never a part; durable when it resolves. */
export const writeAtomically = async (path: string, content: string | Uint8Array, mode = 0o644): Promise<void> => {
  const temporary = temporaryBeside(path);
  try {
    await writeDurably(temporary, content, mode);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
};

/** Readers see the old content or the new one, never a part; a power cut may lose it. */
export const writeInPlaceOf = (path: string, content: string | Uint8Array, mode = 0o644): void => {
  const temporary = temporaryBeside(path);
  try {
    writeFileSync(temporary, content, { mode, flag: 'wx' });
    renameSync(temporary, path);
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
