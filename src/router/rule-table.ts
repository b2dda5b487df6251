import { watch } from 'chokidar';
import { BehaviorSubject, Subject, concatMap, debounceTime, from } from 'rxjs';
import { toConductorError, type ConductorError } from '../core/errors.js';
import type { Log, Rules } from '../core/ports.js';
import type { HandlerSignature } from '../core/parameters.js';
import type { RuleTable } from '../core/rule.js';
import type { RuleFile } from './check-table.js';
import { prepareTable } from './compile.js';
import { checkFiles, hashOf, readFirstFiles, readRuleFiles } from './load-table.js';
import type { TableStore } from './table-store.js';

export interface RulesOptions {
  folder: string;
  /** What `do` may name; missing: anything. */
  handlers?: () => readonly HandlerSignature[];
  /** File of the checking thread; missing: checked here. */
  worker?: string;
  /** Keeps each table by its hash, so that what it decided can be explained later. */
  store?: TableStore;
  /** Told at each look what was refused, for the bus; missing: only the log says so. */
  say?: (refused: unknown) => Promise<void>;
  log: Log;
}

/** An editor saves in several steps: ms of quiet. */
const QUIET_MS = 100;
/** A watch may lose the second of two quick changes, and a handler that a rule names may come later. */
const RESCAN_MS = 2_000;

/**
 * The table in force. The folder is watched, not a file, so that editors may replace files; a bad table is said and leaves the
 * last good one in force. The first table must be good.
 */
export const openRules = async ({ folder, handlers, worker, store, say, log }: RulesOptions): Promise<Rules> => {
  /** Of the files that were checked last, whatever came of it. */
  let checked: string | undefined;
  const load = async (files: readonly RuleFile[]): Promise<RuleTable> => {
    checked = hashOf(files);
    const { table } = await checkFiles(files, handlers?.(), worker);
    // One after the other, so that their pieces do not come together.
    await store?.keep(table);
    await prepareTable(table);
    return table;
  };
  const table$ = new BehaviorSubject(await load(await readFirstFiles(folder)));
  await say?.(undefined);
  // A folder that goes while it is served, as when another branch is checked out, takes no rule with it.
  let isThere = table$.value.rules.length > 0;
  const touched = new Subject<void>();
  const watcher = watch(folder, { ignoreInitial: true, depth: 0 });
  watcher.on('all', () => touched.next());
  let isWatched = true;
  watcher.on('error', (error) => {
    // Once, and not for each file.
    if (isWatched) {
      const reason = error instanceof Error ? error.message : String(error);
      log.warn(`rules: ${folder} is looked through every ${RESCAN_MS / 1_000} s, since it cannot be watched`, {
        reason,
      });
    }
    isWatched = false;
  });
  const rescan = setInterval(() => touched.next(), RESCAN_MS);
  let refused: ConductorError | undefined;
  const isForHandler = (error: ConductorError | undefined): boolean =>
    /\.(do|with\..+)$/.test(error?.position?.field ?? '');
  const isUnread = (error: ConductorError | undefined): boolean =>
    error?.message.includes(': it cannot be read: ') === true;
  const reload = async (): Promise<void> => {
    try {
      const files = await (isThere ? readRuleFiles : readFirstFiles)(folder);
      isThere ||= files.length > 0;
      if (hashOf(files) === checked && !isForHandler(refused) && !isUnread(refused)) return;
      const table = await load(files);
      const was = refused;
      refused = undefined;
      if (table.hash === table$.value.hash) {
        if (was !== undefined) log.info(`rules: the files are good again; the table in force is unchanged`);
        return;
      }
      log.info(`rules: ${table.rules.length} rules in force`, { table: table.hash });
      table$.next(table);
    } catch (error) {
      const ours = toConductorError(error);
      if (ours.message !== refused?.message) log.error(`rules: the table was not changed: ${ours.message}`);
      refused = ours;
    }
  };
  const subscription = touched
    .pipe(
      debounceTime(QUIET_MS),
      concatMap(() => from(reload())),
      concatMap(() => from(say?.(refused) ?? Promise.resolve())),
    )
    .subscribe();
  return {
    get current() {
      return table$.value;
    },
    changes$: table$.asObservable(),
    async close() {
      subscription.unsubscribe();
      clearInterval(rescan);
      await watcher.close();
    },
  };
};
