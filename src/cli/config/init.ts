import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ConductorError } from '../../core/errors.js';
import { configJsonSchema } from '../load-config.js';
import { templatesFolder } from '../package-folder.js';

const SCHEMA = '.conductor-schema.json';

/** Writes the file and, beside it, the schema that its first line names. Never over another one unless told to. */
export const initConfig = async (path: string, force: boolean): Promise<void> => {
  const file = resolve(path);
  if (existsSync(file) && !force)
    throw new ConductorError('conflict', `${file} is there already; say --force to replace it`);
  await writeFile(file, await readFile(join(templatesFolder, 'config.yaml'), 'utf8'));
  await writeFile(join(dirname(file), SCHEMA), `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
  process.stdout.write(`${file}\n`);
};
