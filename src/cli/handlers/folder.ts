import { ConductorError } from '../../core/errors.js';
import type { Handler } from '../../core/handler.js';
import { nearest } from '../../core/yaml-document.js';
import { readHandlerFiles, type ReadHandlers } from '../../pipeline/load.js';
import { sayBroken } from '../say-broken.js';
import { orShipped } from '../shipped.js';

/** Of the folder named, else the shipped ones where it holds none. What is broken is said. */
export const readAll = async (folder: string): Promise<ReadHandlers> => {
  const read = await readHandlerFiles(orShipped(folder, 'handlers'));
  sayBroken(read.broken);
  return read;
};

/** Those that are good. */
export const readHandlers = async (folder: string): Promise<Handler[]> => (await readAll(folder)).handlers;

/** @throws ConductorError `unknown_handler`, with a name like it. */
export const findHandler = (handlers: readonly Handler[], name: string): Handler => {
  const found = handlers.find((one) => one.name === name);
  if (found) return found;
  const names = handlers.map((one) => one.name);
  const like = nearest(name, names);
  throw new ConductorError(
    'unknown_handler',
    `there is no handler "${name}"${like ? `; did you mean "${like}"?` : ''} (${names.join(', ')})`,
  );
};
