import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import * as rxjs from 'rxjs';
import * as zod from 'zod';
import { ConductorError, formatPosition } from '../core/errors.js';
import type { Handler } from '../core/handler.js';
import { isDefinition } from './authoring/handler.js';
import * as authoring from './authoring/index.js';
import { beginFile } from './authoring/steps.js';

/** The file and what it imports from beside it: a change of any is a change of the handler. */
const textsOf = (file: string, seen = new Map<string, string>()): Map<string, string> => {
  if (seen.has(file) || !existsSync(file)) return seen;
  const text = readFileSync(file, 'utf8');
  seen.set(file, text);
  for (const [, name = ''] of text.matchAll(/(?:from|import)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g)) {
    const path = resolve(dirname(file), name);
    for (const one of [path, path.replace(/\.js$/, '.ts'), `${path}.ts`]) if (existsSync(one)) textsOf(one, seen);
  }
  return seen;
};

const hashOf = (file: string): string => {
  const hash = createHash('sha256');
  for (const text of [...textsOf(file).values()].sort()) hash.update(`${text}\0`);
  return hash.digest('hex').slice(0, 16);
};

/** Where in the file the error came up, as its stack tells. */
const placeOf = (error: unknown, file: string): { line?: number; column?: number } => {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const at = stack.split('\n').find((line) => line.includes(file));
  const [, line, column] = /:(\d+):(\d+)\)?$/.exec(at?.trim() ?? '') ?? [];
  return line === undefined ? {} : { line: Number(line), ...(column === undefined ? {} : { column: Number(column) }) };
};

/**
 * Runs the file, anew each time, and takes its default export. Our own modules are the ones that run here, so that a
 * step that it makes is a step to us. @throws ConductorError `invalid_file`
 */
export const loadTypeScriptHandler = async (file: string): Promise<Handler> => {
  const hash = hashOf(file);
  const { createJiti } = await import('jiti');
  const jiti = createJiti(file, {
    moduleCache: false,
    virtualModules: { 'conductor-loop': authoring, rxjs, zod },
  });
  let exported: unknown;
  try {
    beginFile();
    exported = await jiti.import(file, { default: true });
  } catch (error) {
    const message =
      error instanceof Error ? error.message.replaceAll(file, formatPosition({ file: '' })).trim() : String(error);
    throw new ConductorError('invalid_file', message, { cause: error, position: { file, ...placeOf(error, file) } });
  }
  if (!isDefinition(exported))
    throw new ConductorError(
      'invalid_file',
      'its default export is no handler: export default handler({ name, steps })',
      {
        position: { file, line: 1, column: 1, field: 'default' },
      },
    );
  const { name, description, parameters, steps } = exported;
  return {
    name,
    ...(description === undefined ? {} : { description }),
    ...(parameters === undefined ? {} : { parameters }),
    steps,
    hash,
    file,
    language: 'typescript',
  };
};
