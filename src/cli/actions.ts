import type { ActionSettings } from '../core/action.js';
import type { Config } from '../core/config.js';
import { ConductorError } from '../core/errors.js';
import type { Notifier } from '../core/ports.js';
import type { Action } from '../notify/action.js';
import { createNotifier } from '../notify/notifier.js';
import { createRedactor } from '../runner/redact.js';
import { secretsOf } from './agents.js';
import { readSecret, type LoadedConfig } from './load-config.js';

const actionOf = (given: ActionSettings, folder: string): Action => {
  const { command, headers, timeout: timeout_ms } = given;
  if (command) return { kind: 'command', command, timeout_ms };
  const file = given.url_file ?? given.slack_file;
  const url = given.url ?? given.slack ?? readSecret(file ?? '', folder);
  if (!/^https?:/.test(url) || !URL.canParse(url))
    throw new ConductorError('configuration', `actions: ${file ?? ''} holds no URL`);
  const isSlack = given.slack !== undefined || given.slack_file !== undefined;
  return { kind: 'webhook', url, form: isSlack ? 'slack' : 'json', headers, timeout_ms };
};

export const actionsOf = (config: Config, folder: string): Record<string, Action> =>
  Object.fromEntries(Object.entries(config.actions).map(([name, given]) => [name, actionOf(given, folder)]));

/** @throws ConductorError `configuration` when a secret file is missing, or others may read it. */
export const notifierOf = (loaded: LoadedConfig, environment: NodeJS.ProcessEnv): Notifier =>
  createNotifier({
    actions: actionsOf(loaded.config, loaded.folder),
    redact: createRedactor(secretsOf(loaded, environment)),
  });
