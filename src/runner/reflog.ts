import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Where a working folder's HEAD stood: what its log holds after `bytes` was done since. */
export interface Reflog {
  file: string;
  bytes: number;
}

/** So much of the log is read: the newest of a run that never stops committing. */
const MOST_BYTES = 1024 * 1024;
const MOST_COMMITS = 500;
const LINE = /^[0-9a-f]{40,64} ([0-9a-f]{40,64}) [^\t]*\t(.*)$/;
/** HEAD moved to what was there already: nothing was made. */
const ONLY_MOVED = /^(checkout|reset|clone|branch|rebase[^:]*\((start|finish|abort)\))|fast-forward/i;

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

const gitFolderOf = (cwd: string): string | undefined => {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const path = join(folder, '.git');
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isDirectory()) return path;
    if (found?.isFile()) {
      // Of a worktree or a submodule.
      const named = /^gitdir: (.+)$/m.exec(readFileSync(path, 'utf8'))?.[1];
      const target = named === undefined ? undefined : resolve(folder, named);
      return target !== undefined && isFolder(target) ? target : undefined;
    }
    if (dirname(folder) === folder) return undefined;
  }
};

/** Undefined where the folder is in no repository. Read as files: a process each would hold up every start. */
export const reflogNow = (cwd: string): Reflog | undefined => {
  try {
    const folder = gitFolderOf(cwd);
    if (folder === undefined) return undefined;
    const file = join(folder, 'logs', 'HEAD');
    return { file, bytes: statSync(file, { throwIfNoEntry: false })?.size ?? 0 };
  } catch {
    return undefined;
  }
};

/** The commits that were made in the folder since, oldest first, the newest 500; not those that were only fetched or checked out. */
export const commitsSince = ({ file, bytes }: Reflog): string[] => {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(fd);
    // A log that got shorter was cleaned up: what is left may all be older.
    const from = Math.max(bytes, size - MOST_BYTES);
    if (from >= size) return [];
    const buffer = Buffer.alloc(size - from);
    const read = readSync(fd, buffer, 0, buffer.length, from);
    const made = new Set<string>();
    for (const line of buffer.toString('utf8', 0, read).split('\n')) {
      const [, commit, action = ''] = LINE.exec(line) ?? [];
      if (commit !== undefined && !ONLY_MOVED.test(action)) made.add(commit);
    }
    return [...made].slice(-MOST_COMMITS);
  } finally {
    closeSync(fd);
  }
};
