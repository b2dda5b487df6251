import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { diskPath, isDoubtful, nameOf } from './file-name.js';

/** What tells two states of a file apart. */
export type Stamp = string;
export interface Change {
  path: string;
  change: 'created' | 'changed' | 'removed' | 'moved';
  /** Where a moved file was. */
  from?: string;
}

/** A change and the stamp by which a moved file is known again. */
export interface Seen {
  path: string;
  change: 'created' | 'changed' | 'removed';
  stamp: Stamp;
}

export interface Selection {
  cwd: string;
  /** Relative to cwd, with `/`. */
  bases: readonly string[];
  isWanted: (path: string) => boolean;
  isIgnored: (path: string) => boolean;
}

/** What a look found. */
export interface Found {
  stamps: Map<string, Stamp>;
  /** Files and folders without leave to read: of them, and of what is in them, nothing is known. */
  shut: Set<string>;
}

const GONE = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);
const SHUT = new Set(['EACCES', 'EPERM']);
const goneOr =
  ({ shut }: Found, path: string) =>
  (error: unknown): undefined => {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (SHUT.has(code)) shut.add(path);
    else if (!GONE.has(code)) throw error;
  };

const nothing = (): Found => ({ stamps: new Map(), shut: new Set() });

/** Whether a look told nothing of the path, for its sake or that of a folder above it. */
export const isShut = ({ shut }: Found, path: string): boolean => {
  if (shut.size === 0) return false;
  if (shut.has('.')) return true;
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1))
    if (shut.has(path.slice(0, end))) return true;
  return false;
};

/** The file's stamp; undefined when there is none. Links are not followed: a circle of them has no end. */
const stampOf = async (selection: Selection, path: string, found: Found): Promise<Stamp | undefined> => {
  const stats = await lstat(diskPath(join(selection.cwd, path)), { bigint: true }).catch(goneOr(found, path));
  if (stats === undefined || stats.isDirectory()) return undefined;
  // The time of the inode's own change also betrays a write that set the old time again.
  return `${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`;
};

const AT_ONCE = 256;

const addStamps = async (found: Found, selection: Selection, paths: readonly string[]): Promise<void> => {
  const wanted = paths.filter((path) => selection.isWanted(path) && !selection.isIgnored(path));
  for (let from = 0; from < wanted.length; from += AT_ONCE) {
    const some = wanted.slice(from, from + AT_ONCE);
    const stamps = await Promise.all(some.map((path) => stampOf(selection, path, found)));
    for (const [index, path] of some.entries()) {
      const stamp = stamps[index];
      if (stamp !== undefined) found.stamps.set(path, stamp);
    }
  }
};

/** Those of the paths that are wanted files, with their stamps. */
export const stampsOf = async (selection: Selection, paths: readonly string[]): Promise<Found> => {
  const found = nothing();
  await addStamps(found, selection, paths);
  return found;
};

const entriesOf = async (folder: string | Buffer): Promise<{ name: string; isFolder: boolean }[]> => {
  const entries = await readdir(folder, { withFileTypes: true });
  if (!entries.some(({ name }) => isDoubtful(name)))
    return entries.map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }));
  const inBytes = await readdir(folder, { withFileTypes: true, encoding: 'buffer' });
  return inBytes.map((entry) => ({ name: nameOf(entry.name), isFolder: entry.isDirectory() }));
};

/** All wanted files and their stamps. */
export const scan = async (selection: Selection): Promise<Found> => {
  const found = nothing();
  const visit = async (path: string): Promise<void> => {
    if (path !== '.' && selection.isIgnored(path)) return;
    const entries = await entriesOf(diskPath(join(selection.cwd, path))).catch(goneOr(found, path));
    const files: string[] = [];
    for (const { name, isFolder } of entries ?? []) {
      const inner = path === '.' ? name : `${path}/${name}`;
      if (isFolder) await visit(inner);
      else files.push(inner);
    }
    // What cannot be listed may be a file itself.
    if (!found.shut.has(path)) await addStamps(found, selection, entries === undefined ? [path] : files);
  };
  for (const base of selection.bases) await visit(base);
  return found;
};

/** What became of one file; brings `known` up to date. */
export const compare = (known: Map<string, Stamp>, path: string, now: Stamp | undefined): Seen | undefined => {
  const before = known.get(path);
  if (before === now) return undefined;
  if (now === undefined) {
    known.delete(path);
    return { path, change: 'removed', stamp: before ?? '' };
  }
  known.set(path, now);
  return { path, change: before === undefined ? 'created' : 'changed', stamp: now };
};

/** A move sets a new time of the inode's own change; the inode, the size and the time of the last write stay. */
const identityOf = (stamp: Stamp): string => stamp.slice(0, stamp.lastIndexOf(':'));

/** A file that went and one that came with the same content are one that moved. */
export const withMoves = (seen: readonly Seen[]): Change[] => {
  const gone = new Map(seen.filter(({ change }) => change === 'removed').map((one) => [identityOf(one.stamp), one]));
  const moved = new Set<string>();
  const changes = seen.map(({ path, change, stamp }): Change => {
    const from = change === 'created' ? gone.get(identityOf(stamp)) : undefined;
    if (from === undefined || moved.has(from.path)) return { path, change };
    moved.add(from.path);
    return { path, change: 'moved', from: from.path };
  });
  return changes.filter(({ path, change }) => change !== 'removed' || !moved.has(path));
};
