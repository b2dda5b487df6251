import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { git } from './git.js';

/** A folder without git is looked at so far. */
const FILES_MAX = 20_000;
const SKIPPED = new Set(['.git', 'node_modules', '.conductor']);

const hash = (...parts: string[]): string => createHash('sha256').update(parts.join('\0')).digest('hex');

/** Names, sizes and times of the files below the folder. */
const listing = async (folder: string, ours: string): Promise<string> => {
  const lines: string[] = [];
  const folders = [folder];
  for (let at = folders.shift(); at !== undefined && lines.length < FILES_MAX; at = folders.shift()) {
    const entries = await readdir(at, { withFileTypes: true }).catch(() => []);
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(at, entry.name);
      if (entry.isDirectory() && !SKIPPED.has(entry.name) && path !== ours) folders.push(path);
      if (!entry.isFile()) continue;
      const found = await stat(path).catch(() => undefined);
      lines.push(`${path} ${found?.size} ${found?.mtimeMs}`);
    }
  }
  return lines.join('\n');
};

/** Changes whenever anything in the folder does: a commit, an edit, a new file; but for `ours`, where runs leave their files. */
export const digestOf = async (folder: string, ours: string): Promise<string> => {
  const head = await git(folder, 'rev-parse', '--show-toplevel', 'HEAD');
  if (!head.ok) return hash(await listing(folder, ours));
  const top = head.output.split('\n')[0] ?? '';
  const but = ours.startsWith(`${top}/`) ? ['--', top, `:(exclude)${ours}`] : [];
  const [changed, status, untracked] = await Promise.all([
    git(folder, 'diff', 'HEAD', '--no-ext-diff', '--no-textconv', ...but),
    git(folder, 'status', '--porcelain=v1', '--untracked-files=all', ...but),
    git(folder, 'ls-files', '--others', '--exclude-standard', ...but),
  ]);
  const files = await Promise.all(
    untracked.output
      .split('\n')
      .filter(Boolean)
      .slice(0, FILES_MAX)
      .map(async (name) => {
        const found = await stat(join(folder, name)).catch(() => undefined);
        return `${name} ${found?.size} ${found?.mtimeMs}`;
      }),
  );
  return hash(head.output, changed.output, status.output, ...files);
};

/** For people and agents: what lies in the folder that is not committed, and the last commits. */
export const summaryOf = async (folder: string): Promise<string> => {
  const [status, log] = await Promise.all([
    git(folder, 'status', '--short', '--untracked-files=normal'),
    git(folder, 'log', '--oneline', '-5'),
  ]);
  if (!status.ok) return '';
  const lines = status.output.split('\n').filter(Boolean);
  const shown = [...lines.slice(0, 30), ...(lines.length > 30 ? [`and ${lines.length - 30} more`] : [])];
  return `${shown.length === 0 ? 'nothing is uncommitted' : shown.join('\n')}\nlast commits:\n${log.ok ? log.output : 'none'}`;
};
