import { closeSync, constants, mkdirSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ConductorError } from '../core/errors.js';
import { crypto } from './crypto.js';
import { tryLock, unlock, waitForLock } from './kernel-lock.js';

const WAIT_MS = 10_000;

/** How often a lock that is taken is asked for at once: another writer holds it for some 20 us, and the shortest sleep takes 40. */
const TRIES = 2;
/**
 * In ms, each made up to half longer by chance. The package waits in a thread of
 * its own, which costs more than the whole append and holds the lock until the main thread is awake.
 */
const NAPS = [0.02, 0.02, 0.05, 0.05, 0.1, 0.1, 0.2, 0.2, 0.4, 0.4];
const nap = (ms: number): void => {
  if (!isExact) sleepExactly();
  Atomics.wait(NAP_CELL, 0, 0, ms * (1 + Math.random() / 2));
};
const NAP_CELL = new Int32Array(new SharedArrayBuffer(4));

let isExact = false;
/** The kernel lets us sleep up to 50 us longer than it asked for, if it is not told otherwise. */
const sleepExactly = (): void => {
  isExact = true;
  try {
    writeFileSync('/proc/self/timerslack_ns', '1000');
  } catch {
    // Then it sleeps longer.
  }
};

/** Where we may not write we may still read. */
export const isReadOnly = (error: unknown): boolean =>
  ['EROFS', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');

export interface BusLock {
  /** Runs `task` at once; undefined when another writer, of this process or any other, has the lock. */
  holdNow<T>(task: () => T): { value: T } | undefined;
  /** Runs `task` while no other writer of any process does. One call after the other. */
  hold<T>(task: () => T): Promise<T>;
  /** A number that stands at the lock for all its holders. */
  mark(): number;
  /** Under the lock: from now on another one. */
  newMark(): void;
  close(): void;
}

const MARK = Buffer.alloc(4);

/** The kernel lets go of the lock when its holder dies. It lies beside the bus, and is never renamed or removed. */
export const openLock = (root: string): BusLock => {
  const path = join(root, '.conductor', 'bus.lock');
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0), 0o640);
  let queue: Promise<unknown> | undefined;
  let stuck: Promise<void> | undefined;

  /** Sleeps at most 2 ms in all. */
  const tryForAWhile = (): boolean => {
    for (let count = 0; count < TRIES; count += 1) if (tryLock(fd)) return true;
    for (const ms of NAPS) {
      nap(ms);
      if (tryLock(fd)) return true;
    }
    return false;
  };

  const acquire = async (): Promise<void> => {
    if (stuck === undefined && (tryLock(fd) || tryForAWhile())) return;
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

  const holdNow = <T>(task: () => T): { value: T } | undefined =>
    queue === undefined && stuck === undefined && tryLock(fd) ? { value: run(task) } : undefined;

  const hold = <T>(task: () => T): Promise<T> => {
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
    holdNow,
    hold,
    mark: () => (readSync(fd, MARK, 0, MARK.length, 0) < MARK.length ? 0 : MARK.readUInt32LE(0)),
    newMark: () => {
      crypto().randomFillSync(MARK);
      writeSync(fd, MARK, 0, MARK.length, 0);
    },
    close: () => {
      closeSync(fd);
    },
  };
};
