import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** What tells two states of a file apart. */
export type Stamp = string;
export type Change = { path: string; change: 'created' | 'changed' | 'removed' };

export interface Selection {
  cwd: string;
  /** Relative to cwd, with `/`. */
  bases: readonly string[];
  isWanted(path: string): boolean;
  isIgnored(path: string): boolean;
}

const GONE = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ELOOP']);
const goneOr = (error: unknown): undefined => {
  if (GONE.has((error as NodeJS.ErrnoException).code ?? '')) return undefined;
  throw error;
};

/** The file's stamp; undefined when there is none. Links are not followed: a circle of them has no end. */
export const stampOf = async (selection: Selection, path: string): Promise<Stamp | undefined> => {
  const stats = await lstat(join(selection.cwd, path), { bigint: true }).catch(goneOr);
  if (stats === undefined || stats.isDirectory()) return undefined;
  // The time of the inode's own change also betrays a write that set the old time again.
  return `${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`;
};

/** All wanted files and their stamps. */
export const scan = async (selection: Selection): Promise<Map<string, Stamp>> => {
  const found = new Map<string, Stamp>();
  const visit = async (path: string): Promise<void> => {
    if (path !== '.' && selection.isIgnored(path)) return;
    const entries = await readdir(join(selection.cwd, path), { withFileTypes: true }).catch(goneOr);
    for (const entry of entries ?? []) {
      const inner = path === '.' ? entry.name : `${path}/${entry.name}`;
      if (entry.isDirectory()) await visit(inner);
      else await look(inner);
    }
    if (entries === undefined) await look(path);
  };
  const look = async (path: string): Promise<void> => {
    if (found.has(path) || !selection.isWanted(path) || selection.isIgnored(path)) return;
    const stamp = await stampOf(selection, path);
    if (stamp !== undefined) found.set(path, stamp);
  };
  for (const base of selection.bases) await visit(base);
  return found;
};

/** What became of one file; brings `known` up to date. */
export const compare = (known: Map<string, Stamp>, path: string, now: Stamp | undefined): Change | undefined => {
  const before = known.get(path);
  if (before === now) return undefined;
  if (now === undefined) known.delete(path);
  else known.set(path, now);
  return { path, change: before === undefined ? 'created' : now === undefined ? 'removed' : 'changed' };
};
