import { closeSync, constants, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { tryLock, unlock, waitForLock } from 'fs-native-extensions';
import { ConductorError } from '../core/errors.js';

const WAIT_MS = 10_000;

export interface BusLock {
  /** Runs `task` while no other writer of any process does. */
  hold<T>(task: () => T): Promise<T>;
  close(): void;
}

/** The kernel lets go of the lock when its holder dies. It lies beside the bus, and is never renamed or removed. */
export const openLock = (root: string): BusLock => {
  const path = join(root, '.conductor', 'bus.lock');
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o640);
  let queue: Promise<unknown> = Promise.resolve();
  let stuck: Promise<void> | undefined;

  const acquire = async (): Promise<void> => {
    if (stuck === undefined && tryLock(fd)) return;
    let timer: NodeJS.Timeout | undefined;
    const granted = stuck ?? waitForLock(fd);
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => {
        resolve('late');
      }, WAIT_MS);
    });
    try {
      const outcome = await Promise.race([granted, late]);
      if (outcome === 'late') {
        stuck = granted;
        throw new ConductorError('storage', `another writer has held ${path} for ${WAIT_MS / 1_000} s`);
      }
      stuck = undefined;
    } finally {
      clearTimeout(timer);
    }
  };

  const hold = async <T>(task: () => T): Promise<T> => {
    const turn = queue.then(async () => {
      await acquire();
      try {
        return task();
      } finally {
        unlock(fd);
      }
    });
    queue = turn.catch(() => undefined);
    return turn;
  };
  return {
    hold,
    close: () => {
      closeSync(fd);
    },
  };
};
