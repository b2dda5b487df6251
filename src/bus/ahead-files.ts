/** The write-ahead logs that lie beside a bus. */
import { readFileSync, readdirSync } from 'node:fs';
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

export const aheadFiles = (root: string): AheadFile[] => {
  let names: string[];
  try {
    names = readdirSync(aheadFolder(root));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return names.flatMap((name) => {
    const boot = /^([0-9a-f]+)-[0-9a-f]{8}\.log$/.exec(name)?.[1];
    return boot === undefined ? [] : [{ path: join(aheadFolder(root), name), boot }];
  });
};
