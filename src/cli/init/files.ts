import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { stringify } from 'yaml';
import { configJsonSchema } from '../load-config.js';
import { binFolder, packageFolder, templatesFolder } from '../package-folder.js';
import type { Repository } from './detect.js';

/** A file that `init` would write. */
export interface Planned {
  path: string;
  text: string;
  mode?: number;
}

const shipped = async (name: 'rules' | 'handlers', folder: string): Promise<Planned[]> => {
  const from = join(packageFolder, name);
  const entries = await readdir(from, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.'));
  return Promise.all(
    files.map(async (entry) => {
      const source = join(entry.parentPath, entry.name);
      return { path: join(folder, name, relative(from, source)), text: await readFile(source, 'utf8') };
    }),
  );
};

const configOf = async (folder: string, repository: Repository, webhooks: object | undefined): Promise<string> => {
  const shown = await readFile(join(templatesFolder, 'config.yaml'), 'utf8');
  const template =
    webhooks === undefined ? shown : shown.replace(/^# webhooks:\n(#.*\n)*/m, () => stringify({ webhooks }));
  if (!repository.git) return template;
  const { name = `local/${basename(folder)}`, test_command } = repository;
  const entry = stringify({ repositories: { [name]: { path: '.', ...(test_command ? { test_command } : {}) } } });
  return template.replace(/^# repositories:\n(#.*\n)*/m, () => entry);
};

/** `webhooks`: as they are to stand in config.yaml. */
export const planFiles = async (
  folder: string,
  repository: Repository,
  webhooks: object | undefined,
): Promise<Planned[]> => [
  { path: join(folder, 'config.yaml'), text: await configOf(folder, repository, webhooks) },
  { path: join(folder, '.conductor-schema.json'), text: `${JSON.stringify(configJsonSchema(), null, 2)}\n` },
  ...(await shipped('rules', folder)),
  ...(await shipped('handlers', folder)),
];

const filled = async (template: string, values: Readonly<Record<string, string>>): Promise<string> =>
  (await readFile(join(templatesFolder, template), 'utf8')).replaceAll(
    /@([A-Z]+)@/g,
    (whole, name: string) => values[name] ?? whole,
  );

/** Tells of each commit; a service that does not run hears of it when it does. */
export const planHook = async (folder: string): Promise<Planned> => ({
  path: join(folder, '.git', 'hooks', 'post-commit'),
  text: await filled('post-commit', { BIN: binFolder }),
  mode: 0o755,
});

export const planUnit = async (folder: string): Promise<Planned> => ({
  path: join(folder, 'conductor.service'),
  text: await filled('conductor.service', {
    NODE: process.execPath,
    CONDUCTOR: join(packageFolder, 'dist', 'cli', 'conductor.js'),
    FOLDER: folder,
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
  }),
});

/** Never over a file that is there, unless told to. True when it was written. */
export const writePlanned = async ({ path, text, mode }: Planned, force: boolean): Promise<boolean> => {
  if (existsSync(path) && !force) return false;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  if (mode !== undefined) await chmod(path, mode);
  return true;
};
