/** Taking away blobs that nothing names any more. */
import { closeSync } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { blobsFolder } from './blobs.js';
import { CHUNK, breath, busPath, readRange } from './file.js';
import { closedSegments, openToRead } from './segments.js';

/** Whoever is about to name a blob has put it there, or touched it, no longer ago. */
const NEW_MS = 24 * 3_600_000;
const NAME = /[0-9a-f]{64}/g;
const ASIDE = '.aside';

export interface Taken {
  path: string;
  bytes: number;
}

/** Every text in the file that could be the name of a blob. */
const namesIn = async (path: string, found: Set<string>): Promise<void> => {
  const fd = openToRead(path);
  if (fd === undefined) return;
  try {
    for (let at = 0; ; at += CHUNK) {
      const chunk = readRange(fd, at, at + CHUNK + 63);
      for (const [name] of chunk.toString('latin1').matchAll(NAME)) found.add(name);
      if (chunk.length < CHUNK + 63) return;
      await breath();
    }
  } finally {
    closeSync(fd);
  }
};

/** `also`: names of blobs whose own text names others. */
const namedBlobs = async (root: string, also: readonly string[]): Promise<Set<string>> => {
  const named = new Set(also);
  const blobs = also.map((name) => join(blobsFolder(root), name));
  for (const path of [...closedSegments(root).map((one) => one.path), busPath(root), ...blobs])
    await namesIn(path, named);
  return named;
};

/** Put aside first: whoever wants to name it now finds none and writes it anew, and one that was touched meanwhile goes back. */
const take = async (path: string, before: number): Promise<boolean> => {
  const aside = `${path}${ASIDE}`;
  await rename(path, aside);
  if ((await stat(aside)).mtimeMs > before) {
    await rename(aside, path);
    return false;
  }
  await rm(aside);
  return true;
};

/** `now`: ms since the epoch. */
export const sweepBlobs = async (root: string, now: number, also: readonly string[] = []): Promise<Taken[]> => {
  const folder = blobsFolder(root);
  const names = await readdir(folder).catch((): string[] => []);
  const taken: Taken[] = [];
  // Of a sweep that was killed: nobody knows whether it was to go.
  for (const name of names)
    if (name.endsWith(ASIDE)) await rename(join(folder, name), join(folder, name.slice(0, -ASIDE.length)));
  const before = now - NEW_MS;
  const old: Taken[] = [];
  for (const name of names) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found && found.mtimeMs <= before) old.push({ path, bytes: found.size });
  }
  if (old.length === 0) return taken;
  const named = await namedBlobs(root, also);
  for (const one of old) if (!named.has(one.path.slice(-64)) && (await take(one.path, before))) taken.push(one);
  return taken;
};
