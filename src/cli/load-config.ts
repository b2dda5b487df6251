import { existsSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { configSchema, type Config } from '../core/config.js';
import { ConductorError } from '../core/errors.js';
import { parseYamlFile } from '../core/yaml-document.js';
import type { WebhookConfig } from '../sources/webhooks.js';

const KEYS = [
  'service',
  'allowed_hosts',
  'trusted_proxies',
  'agents',
  'defaults',
  'watch',
  'webhooks',
  'timers',
  'repositories',
  'deploy',
  'backend',
  'command',
  'model',
  'token_file',
  'speaks',
  'role',
  'tools',
  'env',
  'base_url',
  'fallback',
  'sandbox',
  'idle',
  'max_turns',
  'max_usd',
  'max_output',
  'timeout',
  'agent',
  'max_concurrent',
  'max_depth',
  'durability',
  'paths',
  'ignore',
  'debounce',
  'type',
  'secret_file',
  'provider',
  'signature',
  'header',
  'algorithm',
  'encoding',
  'prefix',
  'delivery',
  'event',
  'events',
  'on',
  'match',
  'for_each',
  'data',
  'body',
  'every',
  'cron',
  'at',
  'missed',
  'time_zone',
  'path',
  'test_command',
  'smoke_test',
  'rollback',
];

export interface LoadedConfig {
  config: Config;
  /** Folder that relative paths of the file start from. */
  folder: string;
}

/** The file named, which must exist; else ./config.yaml, where there is one; else the defaults. */
export const loadConfig = (path: string | undefined): LoadedConfig => {
  const file = resolve(path ?? 'config.yaml');
  if (!existsSync(file)) {
    if (path !== undefined) throw new ConductorError('configuration', `there is no configuration file ${file}`);
    return { config: configSchema.parse({}), folder: process.cwd() };
  }
  return { config: parseYamlFile(file, readFileSync(file, 'utf8'), configSchema, KEYS), folder: dirname(file) };
};

export const expandPath = (path: string, folder: string): string =>
  path.startsWith('~/') ? resolve(homedir(), path.slice(2)) : resolve(folder, path);

/** The webhooks of the configuration with their secrets. */
export const webhooksOf = ({ config, folder }: LoadedConfig): Record<string, WebhookConfig> =>
  Object.fromEntries(
    Object.entries(config.webhooks).map(([name, { secret_file, ...webhook }]) => [
      name,
      { ...webhook, secrets: secret_file.map((file) => readSecret(file, folder)) },
    ]),
  );

/** A secret's text. The file must exist and be nobody else's to read. */
export const readSecret = (path: string, folder: string): string => {
  const file = expandPath(path, folder);
  if (!existsSync(file)) throw new ConductorError('configuration', `the secret file ${file} does not exist`);
  if ((statSync(file).mode & 0o077) !== 0)
    throw new ConductorError('configuration', `others may read ${file}: chmod 600 it`);
  const secret = readFileSync(file, 'utf8').trim();
  if (secret === '') throw new ConductorError('configuration', `the secret file ${file} is empty`);
  return secret;
};
