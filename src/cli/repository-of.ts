import { existsSync } from 'node:fs';
import type { Event } from '../core/event.js';
import type { LedgerView } from '../core/ledger-view.js';
import { lineageOf } from '../core/lineage.js';
import { expandPath, type LoadedConfig } from './load-config.js';

/** The repository an event names: by its configured name; by a path only where nobody outside had a hand in it. */
export const repositoryOf = (
  { config, folder }: LoadedConfig,
  event: Event,
  view: LedgerView,
): { path: string; test_command?: string | undefined } | undefined => {
  const name = event.data['repository'];
  const configured =
    typeof name === 'string' && Object.hasOwn(config.repositories, name) ? config.repositories[name] : undefined;
  if (configured) return { path: expandPath(configured.path, folder), test_command: configured.test_command };
  const path = event.data['path'];
  if (typeof path !== 'string' || !path.startsWith('/') || !existsSync(path)) return undefined;
  if (lineageOf(view, event).trust !== 'full') return undefined;
  const known = Object.values(config.repositories).find((one) => expandPath(one.path, folder) === path);
  return { path, test_command: known?.test_command };
};
