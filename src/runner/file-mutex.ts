import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { tryLock } from 'fs-native-extensions';

const PATIENCE_MS = 2;

/** One at a time among all processes that name the same file; the kernel gives it back when its holder dies. */
export const createFileMutex = (file: string) => {
  let last: Promise<unknown> = Promise.resolve();

  const alone = async <T>(work: () => Promise<T>): Promise<T> => {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const fd = openSync(file, 'a', 0o600);
    try {
      while (!tryLock(fd)) await delay(PATIENCE_MS);
      return await work();
    } finally {
      closeSync(fd);
    }
  };

  return <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(() => alone(work));
    last = result.catch(() => undefined);
    return result;
  };
};
