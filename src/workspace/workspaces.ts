import { mkdir, readdir, realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ConductorError } from '../core/errors.js';
import type { Workspaces } from '../core/ports.js';
import { digestOf, summaryOf } from './digest.js';
import { git } from './git.js';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;

/** What speaks against taking the worktree away; undefined: nothing would be lost. Anything unclear speaks against it. */
const whyKept = async (folder: string): Promise<string | undefined> => {
  const status = await git(folder, 'status', '--porcelain=v1', '--untracked-files=all', '--ignore-submodules=none');
  if (!status.ok) return `git cannot tell its state: ${status.output}`;
  if (status.output.trim() !== '') return 'it holds uncommitted work';
  const stash = await git(folder, 'rev-parse', '--verify', '--quiet', 'refs/worktree/stash');
  if (stash.ok) return 'it holds a stash';
  // Reachable from nowhere but this worktree's HEAD: from no branch of the repository, and from no remote.
  const lost = await git(folder, 'rev-list', '--count', 'HEAD', '--not', '--branches', '--remotes', '--tags');
  if (!lost.ok) return `git cannot tell what is pushed: ${lost.output}`;
  if (lost.output.trim() !== '0') return `it holds ${lost.output.trim()} commits that are nowhere else`;
  return undefined;
};

/** Worktrees of repositories under `.conductor/worktrees/`, and what can be told of a folder. */
export const openWorkspaces = (rootPath: string): Workspaces => {
  const home = resolve(rootPath, '.conductor', 'worktrees');
  return {
    digest: (folder) => digestOf(folder, resolve(rootPath)),
    summary: summaryOf,
    holds: whyKept,
    list: async () => (await readdir(home).catch((): string[] => [])).map((name) => join(home, name)),
    async open({ repository, name, commit }) {
      if (!NAME.test(name) || name.includes('..'))
        throw new ConductorError('bad_request', `"${name}" is no name for a worktree`);
      const folder = join(home, name);
      const known = await git(folder, 'rev-parse', '--show-toplevel').catch(() => ({ ok: false, output: '' }));
      // Of the same name: the one that was left, with whatever is in it.
      if (known.ok && known.output.trim() === (await realpath(folder))) return folder;
      await mkdir(home, { recursive: true, mode: 0o700 });
      const made = await git(repository, 'worktree', 'add', '--detach', folder, commit ?? 'HEAD');
      if (made.ok) return folder;
      const isFull = /No space left on device|Disk quota exceeded/.test(made.output);
      throw new ConductorError(
        isFull ? 'storage' : 'configuration',
        `git could not make a worktree of ${repository}: ${made.output}`,
      );
    },
    async close(folder) {
      if (!resolve(folder).startsWith(`${home}/`))
        throw new ConductorError('bad_request', `${folder} is no worktree of this root`);
      const reason = await whyKept(folder);
      if (reason !== undefined) return { removed: false, reason };
      // Without --force: git looks once more.
      const gone = await git(folder, 'worktree', 'remove', folder);
      return gone.ok ? { removed: true } : { removed: false, reason: gone.output };
    },
  };
};
