import { watch } from 'chokidar';
import { Subject, concatMap, debounceTime, from } from 'rxjs';
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
  const watcher = watch(folder, { ignoreInitial: true, depth: 2, ignored: /node_modules/ });
  watcher.on('all', () => touched.next());
  const reload = async (): Promise<void> => {
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
      await watcher.close();
    },
  };
};
