import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { me, type Owner } from './owner.js';
import { isAlive, signal, variableOf } from './processes.js';

const folderOf = (rootPath: string): string => join(rootPath, '.conductor', 'apart');

/**
 * A command of ours inside a run carries its mark, but reports a run of its own: from now to its end it is left alone
 * when the one it stands in is swept. Without effect outside of a run.
 */
export const standApart = (rootPath: string, environment: NodeJS.ProcessEnv): void => {
  if (!environment['RUN_ID']) return;
  const file = join(folderOf(rootPath), String(process.pid));
  mkdirSync(folderOf(rootPath), { recursive: true, mode: 0o700 });
  writeFileSync(file, JSON.stringify(me()), { mode: 0o600 });
  process.once('exit', () => rmSync(file, { force: true }));
};

export const pidsApart = (rootPath: string): number[] => {
  const folder = folderOf(rootPath);
  const isThere = (name: string): boolean => {
    try {
      const { pid, start } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Owner;
      return isAlive(pid, start);
    } catch {
      // It is just being written, or is gone.
      return true;
    }
  };
  try {
    return readdirSync(folder).flatMap((name) => {
      if (isThere(name)) return [Number(name)];
      // It was killed.
      rmSync(join(folder, name), { force: true });
      return [];
    });
  } catch {
    return [];
  }
};

/** Those that stand in a run which was stopped end themselves, as a loop between two of its turns. */
export const stopApart = (rootPath: string, run_id: string): void => {
  for (const pid of pidsApart(rootPath)) if (variableOf(pid, 'RUN_ID') === run_id) signal(pid, 'SIGTERM');
};
