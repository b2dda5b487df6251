import { watch } from 'chokidar';
import { BehaviorSubject, Subject, concatMap, debounceTime, from } from 'rxjs';
import { ConductorError } from '../core/errors.js';
import type { Log, Rules } from '../core/ports.js';
import type { RuleTable } from '../core/rule.js';
import { loadTable } from './load-table.js';
import type { TableStore } from './table-store.js';

export interface RulesOptions {
  folder: string;
  /** Names that `do` may have; missing: any. */
  handlers?: () => readonly string[];
  /** File of the checking thread; missing: checked here. */
  worker?: string;
  /** Keeps each table by its hash, so that what it decided can be explained later. */
  store?: TableStore;
  log: Log;
}

/** An editor saves in several steps: ms of quiet. */
const QUIET_MS = 100;
/** A table that is refused may become good without being touched, when the handler it names comes. */
const AGAIN_MS = 1_000;

/**
 * The table in force. The folder is watched, not a file, so that editors may replace files; a bad table is said and leaves the
 * last good one in force. The first table must be good.
 */
export const openRules = async ({ folder, handlers, worker, store, log }: RulesOptions): Promise<Rules> => {
  const load = async (): Promise<RuleTable> => {
    const { table } = await loadTable(folder, handlers?.(), worker);
    await store?.keep(table);
    return table;
  };
  const table$ = new BehaviorSubject(await load());
  const touched = new Subject<void>();
  const watcher = watch(folder, { ignoreInitial: true, depth: 0 });
  watcher.on('all', () => touched.next());
  watcher.on('error', (error) => log.error(`rules: ${folder} is not watched: ${String(error)}`));
  let refused: string | undefined;
  let again: NodeJS.Timeout | undefined;
  const reload = async (): Promise<void> => {
    clearTimeout(again);
    try {
      const table = await load();
      const was = refused;
      refused = undefined;
      if (table.hash === table$.value.hash) {
        if (was !== undefined) log.info(`rules: the files are good again; the table in force is unchanged`);
        return;
      }
      log.info(`rules: ${table.rules.length} rules in force`, { table: table.hash });
      table$.next(table);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== refused) log.error(`rules: the table was not changed: ${message}`);
      refused = message;
      const isHandler = error instanceof ConductorError && error.position?.field?.endsWith('.do');
      if (isHandler) again = setTimeout(() => touched.next(), AGAIN_MS);
    }
  };
  const subscription = touched
    .pipe(
      debounceTime(QUIET_MS),
      concatMap(() => from(reload())),
    )
    .subscribe();
  return {
    get current() {
      return table$.value;
    },
    changes$: table$.asObservable(),
    async close() {
      subscription.unsubscribe();
      clearTimeout(again);
      await watcher.close();
    },
  };
};
