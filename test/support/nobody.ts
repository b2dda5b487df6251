import { spawnSync } from 'node:child_process';

/** The user and group of that name. */
export const NOBODY = 65_534;

/** Whether we are root, and that user may read what lies there: not where a folder above it is root's alone. */
export const nobodyReads = (path: string): boolean =>
  process.geteuid?.() === 0 && spawnSync('test', ['-r', path], { uid: NOBODY, gid: NOBODY }).status === 0;
