import { open } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { tryLock } from 'fs-native-extensions';

const PATIENCE_MS = 250;

/**
 * Only one process reports a run. Whoever else comes waits until the first is done (then the file is gone: undefined)
 * or dead (then the kernel gave the lock back).
 */
export const becomeOwner = async (file: string, signal: AbortSignal): Promise<(() => Promise<void>) | undefined> => {
  for (;;) {
    if (signal.aborted) return undefined;
    let handle;
    try {
      handle = await open(file, 'r+').catch((error: NodeJS.ErrnoException) =>
        // Made only where the folder is: a run that has ended gets no new one.
        error.code === 'ENOENT' ? open(file, 'a+', 0o600) : Promise.reject(error),
      );
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    const held = handle;
    if (tryLock(held.fd)) return () => held.close();
    await held.close();
    await delay(PATIENCE_MS, undefined, { signal }).catch(() => undefined);
  }
};
