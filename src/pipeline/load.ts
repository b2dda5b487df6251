import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { ConductorError, toConductorError } from '../core/errors.js';
import type { Handler } from '../core/handler.js';
import { parseYamlFile } from '../core/yaml-document.js';
import { loadTypeScriptHandler } from './load-typescript.js';
import { checkTree } from './syntax/check.js';
import { createFileSchema } from './syntax/file.js';
import { COMMON_KEYS } from './syntax/parts.js';

const KEYS = [
  'name',
  'description',
  'parameters',
  'steps',
  ...COMMON_KEYS,
  'output',
  'cwd',
  'env',
  'prompt',
  'prompt_file',
  'type',
  'body',
  'data',
  'event',
  'match',
  'approval',
  'until',
  'steps',
  'items',
  'glob',
  'split',
  'max_concurrent',
  'fail_fast',
  'at_least',
  'try',
  'compensate',
  'action',
  'handler',
  'with',
  'url',
  'method',
  'headers',
];
/** Folders beside the handlers that hold none. */
const OTHER = new Set(['scripts', 'prompts', 'node_modules']);

const isHandlerFile = (name: string): boolean =>
  /\.ya?ml$/.test(name) || (name.endsWith('.ts') && !name.endsWith('.d.ts'));

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

const readerFor =
  (file: string) =>
  (name: string): string => {
    try {
      return readFileSync(resolve(dirname(file), name), 'utf8');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new Error(code === 'ENOENT' ? `there is no file ${name}` : `${name} cannot be read: ${code ?? ''}`);
    }
  };

/** @throws ConductorError `invalid_file` with file, line, column and field. */
export const loadYamlHandler = (file: string, text: string): Handler => {
  const parsed = parseYamlFile(file, text, createFileSchema(readerFor(file)), KEYS);
  checkTree(file, text, parsed.steps);
  // With everything that it names: another text of a prompt is another handler.
  return { ...parsed, hash: hashOf(JSON.stringify(parsed)), file, language: 'yaml' };
};

const filesOf = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const found: string[] = [];
  for (const entry of entries.sort((a, b) => a.name.localeCompare(b.name))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !OTHER.has(entry.name) && !entry.name.startsWith('.'))
      found.push(...(await filesOf(path)));
    else if (isHandlerFile(entry.name)) found.push(resolve(path));
  }
  return found;
};

export interface ReadHandlers {
  handlers: Handler[];
  /** The first thing that is wrong in each file that gives none. */
  broken: ConductorError[];
}

/** All handlers of the folder and the folders in it that are good, and what is wrong with the others. */
export const readHandlerFiles = async (folder: string): Promise<ReadHandlers> => {
  const handlers = new Map<string, Handler>();
  const broken: ConductorError[] = [];
  for (const file of await filesOf(folder)) {
    try {
      const handler = file.endsWith('.ts')
        ? await loadTypeScriptHandler(file)
        : loadYamlHandler(file, await readFile(file, 'utf8'));
      const other = handlers.get(handler.name);
      if (other)
        throw new ConductorError(
          'invalid_file',
          `the handler "${handler.name}" is defined twice (it is also in ${other.file})`,
          { position: { file, line: 1, column: 1, field: 'name' } },
        );
      handlers.set(handler.name, handler);
    } catch (error) {
      broken.push(toConductorError(error));
    }
  }
  return { handlers: [...handlers.values()], broken };
};

/** As `readHandlerFiles`; the first thing that is wrong is thrown. */
export const loadHandlers = async (folder: string): Promise<Handler[]> => {
  const { handlers, broken } = await readHandlerFiles(folder);
  if (broken[0]) throw broken[0];
  return handlers;
};
