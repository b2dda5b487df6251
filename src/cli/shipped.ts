import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { packageFolder } from './package-folder.js';

const hasYaml = (folder: string): boolean =>
  existsSync(folder) && readdirSync(folder).some((name) => /\.(ya?ml|ts)$/.test(name));

/** The folder named, else the shipped one where it holds nothing. */
export const orShipped = (folder: string, name: string): string =>
  hasYaml(folder) ? resolve(folder) : join(packageFolder, name);
