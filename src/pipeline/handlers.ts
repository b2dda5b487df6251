import { statSync } from 'node:fs';
import { watch, type FSWatcher } from 'chokidar';
import { NEVER, Subject, concatMap, debounceTime, from } from 'rxjs';
import { ConductorError, toConductorError } from '../core/errors.js';
import type { Handler } from '../core/handler.js';
import type { Handlers, Log } from '../core/ports.js';
import { loadHandlers } from './load.js';
import type { TreeStore } from './tree-store.js';

export interface HandlersOptions {
  folder: string;
  /** Where trees are kept by their hash. */
  trees: TreeStore;
  /** Told what was refused, and that all is good, for the bus; missing: only the log says so. */
  say?: (refused: unknown) => Promise<void>;
  log: Log;
}

/** How often the folder itself is looked at, and all that is in it where the system has no watches left. */
const POLL_MS = 2_000;

const findIn = (current: () => readonly Handler[], trees: TreeStore): Pick<Handlers, 'find' | 'list' | 'byHash'> => ({
  find: (name) => current().find((handler) => handler.name === name),
  list: current,
  byHash: (hash) => current().find((handler) => handler.hash === hash) ?? trees.find(hash),
});

/** Those that were read, whatever becomes of their files. */
export const keepHandlers = async (handlers: Handler[], trees: TreeStore): Promise<Handlers> => {
  await trees.keep(handlers);
  return { ...findIn(() => handlers, trees), changes$: NEVER, close: () => Promise.resolve() };
};

/** Watches the folder; bad files leave the last good handlers in force. The first reading must be good. */
export const openHandlers = async ({ folder, trees, say, log }: HandlersOptions): Promise<Handlers> => {
  let current: Handler[] = [];
  const changes = new Subject<void>();
  const load = async (): Promise<void> => {
    const read = await loadHandlers(folder);
    await trees.keep(read);
    current = read;
  };
  await load();
  await say?.(undefined);
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
      touched.next();
      return;
    }
    void watcher.close();
    watcher = watchFolder(watcher.options.usePolling);
    touched.next();
  }, POLL_MS);
  let refused: ConductorError | undefined;
  const reload = async (): Promise<void> => {
    try {
      if (placeNow() === undefined)
        throw new ConductorError('invalid_file', 'the folder is gone; those in force stay', {
          position: { file: folder },
        });
      await load();
      refused = undefined;
      changes.next();
    } catch (error) {
      const ours = toConductorError(error);
      if (ours.message !== refused?.message) log.error(`handlers: nothing was changed: ${ours.message}`);
      refused = ours;
    }
  };
  const subscription = touched
    .pipe(
      debounceTime(100),
      concatMap(() => from(reload())),
      concatMap(() => from(say?.(refused) ?? Promise.resolve())),
    )
    .subscribe();
  return {
    ...findIn(() => current, trees),
    changes$: changes.asObservable(),
    async close() {
      subscription.unsubscribe();
      clearInterval(looking);
      await watcher.close();
    },
  };
};
