/** The write-ahead logs that lie beside a bus. */
import { readFileSync, readdirSync, type Dirent } from 'node:fs';
import { join } from 'node:path';
import { uniqueSuffix } from './crypto.js';

export const aheadFolder = (root: string): string => join(root, '.conductor', 'ahead');

/** In place of the start of the machine: the log has to be redone whatever that was. */
export const ANY_BOOT = '0';
export const HALF_BYTES = 1024 * 1024;

/** A name that nothing else has. */
export const aheadPath = (root: string, boot: string): string =>
  join(aheadFolder(root), `${boot}-${uniqueSuffix()}.log`);

/** Which start of the machine this is; undefined where the kernel does not tell. */
export const bootOf = (): string | undefined => {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').replaceAll(/[^0-9a-f]/g, '');
  } catch {
    return undefined;
  }
};

export interface AheadFile {
  path: string;
  /** Of the machine when it was made. */
  boot: string;
}

/** Whatever else lies there is none of ours. */
export const aheadFiles = (root: string): AheadFile[] => {
  const folder = aheadFolder(root);
  let found: Dirent[];
  try {
    found = readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
  return found.flatMap((entry) => {
    const boot = entry.isFile() ? /^([0-9a-f]+)-[0-9a-f]{8}\.log$/.exec(entry.name)?.[1] : undefined;
    return boot === undefined ? [] : [{ path: join(folder, entry.name), boot }];
  });
};
