import { statSync } from 'node:fs';
import { watch, type FSWatcher } from 'chokidar';
import { Subject, concatMap, debounceTime, from } from 'rxjs';
import { toConductorError } from '../core/errors.js';
import type { Handler } from '../core/handler.js';
import type { Handlers, Log } from '../core/ports.js';
import { loadHandlers } from './load.js';
import type { TreeStore } from './tree-store.js';

export interface HandlersOptions {
  folder: string;
  /** Where trees are kept by their hash. */
  trees: TreeStore;
  log: Log;
}

/** How often the folder itself is looked at, and all that is in it where the system has no watches left. */
const POLL_MS = 2_000;

/** Watches the folder; bad files leave the last good handlers in force. The first reading must be good. */
export const openHandlers = async ({ folder, trees, log }: HandlersOptions): Promise<Handlers> => {
  let current: Handler[] = [];
  const changes = new Subject<void>();
  const load = async (): Promise<void> => {
    const read = await loadHandlers(folder);
    await trees.keep(read);
    current = read;
  };
  await load();
  const touched = new Subject<void>();
  const placeNow = (): number | undefined => statSync(folder, { throwIfNoEntry: false })?.ino;
  let place = placeNow();
  const watchFolder = (usePolling: boolean): FSWatcher => {
    const opened = watch(folder, {
      ignoreInitial: true,
      depth: 2,
      ignored: /node_modules/,
      usePolling,
      interval: POLL_MS,
    });
    opened.on('all', (event, path) => {
      if (event === 'unlinkDir' && path === folder) place = undefined;
      touched.next();
    });
    opened.on('error', (error) => {
      // Each file without a watch is an error, also after it was closed.
      if (opened !== watcher || usePolling) return;
      log.warn(`handlers: ${folder} is looked through every ${POLL_MS / 1_000} s, since it cannot be watched`, {
        reason: toConductorError(error).message,
      });
      void opened.close();
      watcher = watchFolder(true);
      touched.next();
    });
    return opened;
  };
  let watcher = watchFolder(false);
  // A watch ends with its folder: the one that takes the name afterwards, as when another branch is checked out, gets its own.
  const looking = setInterval(() => {
    const now = placeNow();
    if (now === place) return;
    place = now;
    if (now === undefined) {
      log.error(`handlers: ${folder} is gone; those in force stay`);
      return;
    }
    void watcher.close();
    watcher = watchFolder(watcher.options.usePolling);
    touched.next();
  }, POLL_MS);
  const reload = async (): Promise<void> => {
    if (placeNow() === undefined) return;
    try {
      await load();
      changes.next();
    } catch (error) {
      log.error(`handlers: nothing was changed: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const subscription = touched
    .pipe(
      debounceTime(100),
      concatMap(() => from(reload())),
    )
    .subscribe();
  return {
    find: (name) => current.find((handler) => handler.name === name),
    list: () => current,
    byHash: (hash) => current.find((handler) => handler.hash === hash) ?? trees.find(hash),
    changes$: changes.asObservable(),
    async close() {
      subscription.unsubscribe();
      clearInterval(looking);
      await watcher.close();
    },
  };
};
