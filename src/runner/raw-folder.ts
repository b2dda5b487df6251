import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Family } from './streams/family.js';

/** What an adopter must know of the launch and cannot find in run-info.yaml. */
export interface LaunchNote {
  family?: Family;
  backend: string;
  boot_id: string;
}

/**
 * `.conductor/raw/<run_id>/`: where the agent writes while it lives, and what outlives its owner. It may hold secrets,
 * so it is private, and it is removed when the run has ended.
 */
export const rawFolder = (rootPath: string, run_id: string) => {
  const path = join(rootPath, '.conductor', 'raw', run_id);
  const file = (name: string): string => join(path, name);

  const readIfThere = async (name: string): Promise<string | undefined> =>
    readFile(file(name), 'utf8').catch(() => undefined);

  return {
    path,
    stdin: file('stdin'),
    stdout: file('stdout'),
    stderr: file('stderr'),
    script: file('script'),
    owner: file('owner'),
    exists: (): boolean => existsSync(path),

    async prepare(content: { stdin: string; script: string | undefined; note: LaunchNote }): Promise<void> {
      await mkdir(path, { recursive: true, mode: 0o700 });
      await writeFile(file('stdin'), content.stdin, { mode: 0o600 });
      await writeFile(file('stdout'), '', { mode: 0o600 });
      await writeFile(file('stderr'), '', { mode: 0o600 });
      if (content.script !== undefined) {
        // Closed before anyone runs it: a file that is open for writing cannot be executed.
        const handle = await open(file('script'), 'w', 0o700);
        await handle.writeFile(content.script);
        await handle.close();
      }
      await writeFile(file('launch.json'), JSON.stringify(content.note), { mode: 0o600 });
    },

    async note(): Promise<LaunchNote | undefined> {
      const text = await readIfThere('launch.json');
      try {
        return text === undefined ? undefined : (JSON.parse(text) as LaunchNote);
      } catch {
        return undefined;
      }
    },

    /** The pid that the shim wrote about itself. */
    async pid(): Promise<number | undefined> {
      const pid = Number.parseInt((await readIfThere('pid')) ?? '', 10);
      return Number.isInteger(pid) && pid > 1 ? pid : undefined;
    },

    async exitCode(): Promise<number | undefined> {
      const code = Number.parseInt((await readIfThere('exit')) ?? '', 10);
      return Number.isInteger(code) ? code : undefined;
    },

    /** Why we ended it. On disk, because whoever reports the end may be another process; the first reason stands. */
    async wantStop(reason: string): Promise<void> {
      if (!existsSync(path) || existsSync(file('stop'))) return;
      const part = file(`stop.${process.pid}.part`);
      await writeFile(part, reason, { mode: 0o600 })
        .then(() => rename(part, file('stop')))
        .catch(() => undefined);
    },
    stopReason: (): Promise<string | undefined> => readIfThere('stop'),

    remove: (): Promise<void> => rm(path, { recursive: true, force: true, maxRetries: 3 }),
  };
};

export type RawFolder = ReturnType<typeof rawFolder>;
