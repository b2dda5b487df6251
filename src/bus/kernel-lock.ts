/** A lock on an open file, which the kernel lets go of when its holder dies. */
import { createRequire } from 'node:module';

const load = createRequire(import.meta.url);

interface KernelLock {
  /** False when another open file description holds the lock. */
  tryLock: (fd: number) => boolean;
  unlock: (fd: number) => void;
}

/** What the package's own loader finds too, in a tenth of its time: every `messagebus-tool write` would pay for that. */
const loadPrebuilt = (): KernelLock | undefined => {
  const { platform, arch } = process;
  try {
    const binding = load(`fs-native-extensions/prebuilds/${platform}-${arch}/fs-native-extensions.node`) as {
      tryLock: (fd: number, offset: number, length: number, exclusive: boolean) => void;
      unlock: (fd: number, offset: number, length: number) => void;
    };
    return {
      tryLock: (fd) => {
        // Nobody reads the stack of the error that says that it is taken, and to gather it takes as long as the lock is held.
        const { stackTraceLimit } = Error;
        Error.stackTraceLimit = 0;
        try {
          binding.tryLock(fd, 0, 0, true);
          return true;
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
          throw error;
        } finally {
          Error.stackTraceLimit = stackTraceLimit;
        }
      },
      unlock: (fd) => {
        binding.unlock(fd, 0, 0);
      },
    };
  } catch {
    return undefined;
  }
};

export const { tryLock, unlock } = loadPrebuilt() ?? (load('fs-native-extensions') as KernelLock);
/** Resolves when nobody else has it any more. */
export const waitForLock = (fd: number): Promise<void> =>
  (load('fs-native-extensions') as { waitForLock: (fd: number) => Promise<void> }).waitForLock(fd);
