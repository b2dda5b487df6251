import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConductorError } from '../core/errors.js';
import type { AgentHome } from './agents/backend.js';

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const under = (ours: Json, theirs: Json): Json =>
  Object.fromEntries(
    [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].map((key) => {
      const [low, high] = [ours[key], theirs[key]];
      return [key, isObject(low) && isObject(high) ? under(low, high) : (high ?? low)];
    }),
  );

/** People write comments into their settings. */
const withoutComments = (text: string): string =>
  text.replaceAll(/("(?:\\.|[^"\\])*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (_all, quoted?: string) => quoted ?? '');

const readSettings = (file: string): Json => {
  if (!existsSync(file)) return {};
  try {
    const value: unknown = JSON.parse(withoutComments(readFileSync(file, 'utf8')));
    if (isObject(value)) return value;
  } catch (error) {
    throw new ConductorError('configuration', `the settings ${file} are no JSON`, { cause: error });
  }
  throw new ConductorError('configuration', `the settings ${file} are no JSON object`);
};

const link = (target: string, path: string): void => {
  try {
    symlinkSync(target, path);
  } catch (error) {
    // From an earlier run, or from one that starts beside us.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
};

export const homePathOf = (rootPath: string, backend: string): string => join(rootPath, '.conductor', 'homes', backend);

/** Others may read it at any moment. */
const write = (path: string, text: string): void => {
  const part = `${path}.${process.pid}`;
  writeFileSync(part, text, { mode: 0o600 });
  renameSync(part, path);
};

/**
 * A home for an agent, below our root, so that what it is told by us never changes the user's own files: the entries of
 * the user's folder are linked, the settings are theirs over ours. Returns the variable that leads there.
 */
export const prepareHome = (
  home: string,
  userHome: string | undefined,
  { variable, folder, settings, own, files }: AgentHome,
): Record<string, string> => {
  const to = join(home, folder);
  mkdirSync(to, { recursive: true, mode: 0o700 });
  const from = userHome === undefined ? undefined : join(userHome, folder);
  const theirs = from !== undefined && existsSync(from) ? readdirSync(from) : [];
  for (const name of theirs)
    if (name !== 'settings.json' && !own.includes(name)) link(join(from!, name), join(to, name));
  const merged = under(settings, from === undefined ? {} : readSettings(join(from, 'settings.json')));
  write(join(to, 'settings.json'), JSON.stringify(merged, null, 2));
  for (const [name, text] of Object.entries(files)) write(join(home, name), text);
  return { [variable]: home };
};
