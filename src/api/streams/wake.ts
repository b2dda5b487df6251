import { watch, type FSWatcher } from 'node:fs';

const POLL_MS = 500;

/** Rings when something in one of the folders may have changed, and every half a second. One waiter. */
export const createWake = () => {
  const watchers = new Map<string, FSWatcher>();
  let rung = false;
  let resolve: (() => void) | undefined;

  const ring = (): void => {
    rung = true;
    resolve?.();
  };

  return {
    ring,
    /** Watches these folders and no others. */
    watch(folders: readonly string[]): void {
      for (const [folder, watcher] of watchers) {
        if (folders.includes(folder)) continue;
        watcher.close();
        watchers.delete(folder);
      }
      for (const folder of folders) {
        if (watchers.has(folder)) continue;
        try {
          const watcher = watch(folder, ring);
          watcher.on('error', () => watcher.close());
          watchers.set(folder, watcher);
        } catch {
          // Not there yet, or no watches left: the poll finds everything, only later.
        }
      }
    },
    async wait(): Promise<void> {
      if (!rung) {
        await new Promise<void>((done) => {
          const timer = setTimeout(done, POLL_MS);
          resolve = () => {
            clearTimeout(timer);
            done();
          };
        });
      }
      rung = false;
      resolve = undefined;
    },
    close: (): void => {
      for (const watcher of watchers.values()) watcher.close();
      ring();
    },
  };
};
