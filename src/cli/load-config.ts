import { existsSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { configSchema, type Config } from '../core/config.js';
import { ConductorError } from '../core/errors.js';
import { parseYamlFile } from '../core/yaml-document.js';
import type { WebhookConfig } from '../sources/read-delivery.js';

export interface LoadedConfig {
  config: Config;
  /** Folder that relative paths of the file start from. */
  folder: string;
  /** Absolute; undefined where there is none. */
  file?: string;
}

/** For editors. */
export const configJsonSchema = (): z.core.JSONSchema.BaseSchema =>
  z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' });

const keysOf = (schema: unknown): string[] => {
  if (schema === null || typeof schema !== 'object') return [];
  const properties = (schema as { properties?: object }).properties ?? {};
  return [...Object.keys(properties), ...Object.values(schema).flatMap(keysOf)];
};
const knownKeys = (): string[] => [...new Set(keysOf(configJsonSchema()))];

type Default = keyof Config['defaults'];
/** What the environment may say over the file. Flags come before both. */
export const ENVIRONMENT: Readonly<Record<string, Default>> = {
  CONDUCTOR_AGENT: 'agent',
  CONDUCTOR_TIMEOUT: 'timeout',
  CONDUCTOR_MAX_CONCURRENT: 'max_concurrent',
  CONDUCTOR_MAX_DEPTH: 'max_depth',
  CONDUCTOR_DURABILITY: 'durability',
};

const overlay = (config: Config, environment: NodeJS.ProcessEnv): Config => {
  const said = Object.entries(ENVIRONMENT).flatMap(([name, key]) => {
    const text = environment[name];
    // An empty variable is as good as none.
    return text ? [{ name, key, value: /^\d+$/.test(text) ? Number(text) : text }] : [];
  });
  if (said.length === 0) return config;
  const schema = configSchema.shape.defaults.unwrap();
  const defaults: Record<string, unknown> = { ...config.defaults };
  for (const { name, key, value } of said) {
    const result = schema.shape[key].safeParse(value);
    if (!result.success) throw new ConductorError('configuration', `${name}: ${result.error.issues[0]!.message}`);
    defaults[key] = result.data;
  }
  return { ...config, defaults: defaults as Config['defaults'] };
};

/** The file named, which must exist; else ./config.yaml, where there is one; else the defaults. */
export const loadConfig = (path: string | undefined, environment: NodeJS.ProcessEnv = process.env): LoadedConfig => {
  const file = resolve(path ?? (environment['CONDUCTOR_CONFIG'] || 'config.yaml'));
  const named = path ?? (environment['CONDUCTOR_CONFIG'] || undefined);
  if (!existsSync(file)) {
    if (named !== undefined) throw new ConductorError('configuration', `there is no configuration file ${file}`);
    return { config: overlay(configSchema.parse({}), environment), folder: process.cwd() };
  }
  const config = parseYamlFile(file, readFileSync(file, 'utf8'), configSchema, knownKeys);
  return { config: overlay(config, environment), folder: dirname(file), file };
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
