/** What the kernel calls an open file, which tells without a look at the file whether it still has its name. */
import { readlinkSync, realpathSync, statfsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** File systems that nobody changes but this kernel: ext2 to 4, XFS, Btrfs, tmpfs, overlayfs, ZFS, F2FS. */
const LOCAL = new Set([0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630, 0x2fc12fc1, 0xf2f52010]);

/** Undefined where there is no /proc. */
export const nameOf = (fd: number): string | undefined => {
  try {
    return readlinkSync(`/proc/${process.pid}/fd/${fd}`);
  } catch {
    return undefined;
  }
};

/**
 * `path` as nameOf gives it for `fd` while that is the file of this name. Undefined where the name could come to mean
 * another file and nameOf still say the same: on a file system of other machines too, or behind a symbolic link.
 */
export const surePath = (path: string, fd: number): string | undefined => {
  try {
    const folder = dirname(path);
    if (realpathSync.native(folder) !== folder || !LOCAL.has(statfsSync(folder).type)) return undefined;
    const sure = join(folder, basename(path));
    return nameOf(fd) === sure ? sure : undefined;
  } catch {
    return undefined;
  }
};
