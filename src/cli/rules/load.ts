import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConductorError } from '../../core/errors.js';
import type { RuleTable } from '../../core/rule.js';
import { readHandlerFiles } from '../../pipeline/load.js';
import { signatureOf } from '../../pipeline/parameters.js';
import { loadGoodFiles, type GoodTable } from '../../router/load-table.js';
import { openTableStore, type TableStore } from '../../router/table-store.js';
import { tableWorker } from '../package-folder.js';
import { sayBroken } from '../say-broken.js';
import { orShipped } from '../shipped.js';

export interface TableOptions {
  rules: string;
  handlers: string;
}

export interface Loaded extends GoodTable {
  handlers: number;
  folder: string;
  /** Whether a rule file is among what is broken. */
  isPart: boolean;
}

/** A folder that was named must be there; the default one may be missing, then the shipped one stands in. */
const folderOf = (folder: string, name: string): string => {
  if (folder !== name && !existsSync(folder))
    throw new ConductorError('configuration', `there is no folder ${folder}`, { details: { folder } });
  return folder === name ? orShipped(folder, name) : folder;
};

/** Reads and checks rules and handlers as the service would, and goes on where a file is broken. */
export const loadGood = async (options: TableOptions): Promise<Loaded> => {
  const { handlers, broken } = await readHandlerFiles(folderOf(options.handlers, 'handlers'));
  const folder = folderOf(options.rules, 'rules');
  // A handler that cannot be read may be the one that a rule names.
  const known = broken.length > 0 ? undefined : handlers.map(signatureOf);
  const table = await loadGoodFiles(folder, known, tableWorker);
  return {
    ...table,
    broken: [...broken, ...table.broken],
    handlers: handlers.length,
    folder,
    isPart: table.broken.length > 0,
  };
};

/** For decisions about rules, which need all of them; a handler that is broken is only said. @throws ConductorError `invalid_file` */
export const loadTableWhole = async (options: TableOptions): Promise<Loaded> => {
  const loaded = await loadGood(options);
  if (loaded.isPart) throw loaded.broken.at(-1)!;
  sayBroken(loaded.broken);
  return loaded;
};

export const tableStoreOf = (rootPath: string): TableStore => openTableStore(join(rootPath, '.conductor', 'tables'));

/** The table of the folder; while one of its files is broken that which was in force last, as for the service. */
export const tableNow = async (options: TableOptions, store: TableStore): Promise<Loaded> => {
  const loaded = await loadGood(options);
  sayBroken(loaded.broken);
  const last: RuleTable | undefined = loaded.isPart ? await store.last() : undefined;
  if (loaded.isPart)
    process.stderr.write(
      last === undefined
        ? `the rules are those of the files that are good\n`
        : `the rules are those of the table that was in force last (${last.hash})\n`,
    );
  return last === undefined ? loaded : { ...loaded, table: last };
};
