import { existsSync } from 'node:fs';
import { ConductorError } from '../../core/errors.js';
import { loadHandlers } from '../../pipeline/load.js';
import { loadTable, type LoadedTable } from '../../router/load-table.js';
import { tableWorker } from '../package-folder.js';
import { orShipped } from '../shipped.js';

export interface TableOptions {
  rules: string;
  handlers: string;
}

export interface Loaded extends LoadedTable {
  handlers: number;
  folder: string;
}

/** A folder that was named must be there; the default one may be missing, then the shipped one stands in. */
const folderOf = (folder: string, name: string): string => {
  if (folder !== name && !existsSync(folder))
    throw new ConductorError('configuration', `there is no folder ${folder}`, { details: { folder } });
  return folder === name ? orShipped(folder, name) : folder;
};

/** Reads and checks rules and handlers as the service would. */
export const loadChecked = async (options: TableOptions): Promise<Loaded> => {
  const handlers = await loadHandlers(folderOf(options.handlers, 'handlers'));
  const folder = folderOf(options.rules, 'rules');
  const loaded = await loadTable(
    folder,
    handlers.map((handler) => handler.name),
    tableWorker,
  );
  return { ...loaded, handlers: handlers.length, folder };
};
