// Programs of Debian that some tests need. Plain Node: the runner asks before anything is installed.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export const PROGRAMS = ['chromium', 'zsh', 'fish', 'bwrap'];
/** Where the package is not called as the program. */
const PACKAGES = { bwrap: 'bubblewrap' };

/** Its absolute path; undefined where it is not installed. */
export const programPath = (name) =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });

/** Installs what is missing where we may, which is what CI does; says what it could not. */
export const installPrograms = () => {
  const missing = PROGRAMS.filter((name) => programPath(name) === undefined);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || programPath('apt-get') === undefined) {
    console.log(`what needs ${missing.join(', ')} is skipped: install it, as with apt-get install`);
    return;
  }
  const apt = (...args) =>
    spawnSync('apt-get', ['-q', ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'ignore', 2],
    }).status === 0;
  console.log(`installing ${missing.join(', ')}`);
  if (
    !apt('update') ||
    !apt('install', '-y', '--no-install-recommends', ...missing.map((name) => PACKAGES[name] ?? name))
  )
    console.log(`${missing.join(', ')} could not be installed`);
};
