import { closeSync, constants, mkdirSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ConductorError } from '../core/errors.js';

interface KernelLocks {
  /** False when another open file description holds the lock. */
  tryLock: (fd: number) => boolean;
  waitForLock: (fd: number) => Promise<void>;
  unlock: (fd: number) => void;
}

// By require: as an ES module it takes three times as long to load, which every `messagebus-tool write` would pay.
const { tryLock, unlock, waitForLock } = createRequire(import.meta.url)('fs-native-extensions') as KernelLocks;

const WAIT_MS = 10_000;

export interface BusLock {
  /** Runs `task` while no other writer of any process does. One call after the other. */
  hold<T>(task: () => T): Promise<T>;
  close(): void;
}

/** The kernel lets go of the lock when its holder dies. It lies beside the bus, and is never renamed or removed. */
export const openLock = (root: string): BusLock => {
  const path = join(root, '.conductor', 'bus.lock');
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0), 0o640);
  let queue: Promise<unknown> | undefined;
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

  const run = <T>(task: () => T): T => {
    try {
      return task();
    } finally {
      unlock(fd);
    }
  };

  const hold = async <T>(task: () => T): Promise<T> => {
    if (queue === undefined && stuck === undefined && tryLock(fd)) return run(task);
    const turn = (queue ?? Promise.resolve()).then(acquire).then(() => run(task));
    const settled: Promise<unknown> = turn
      .catch(() => undefined)
      .finally(() => {
        if (queue === settled) queue = undefined;
      });
    queue = settled;
    return turn;
  };
  return {
    hold,
    close: () => {
      closeSync(fd);
    },
  };
};
