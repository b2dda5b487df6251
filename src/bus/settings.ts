/** How the service was told to keep the bus, for writers that do not read the configuration, for their start-up's sake. */
import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Rotation } from './live.js';

export interface BusSettings {
  durability: 'fsync' | 'os';
  rotation: Rotation;
}

export const DEFAULTS: BusSettings = {
  durability: 'fsync',
  rotation: { bytes: 32 * 1024 * 1024, age_ms: 7 * 24 * 3_600_000 },
};

const pathOf = (root: string): string => join(root, '.conductor', 'bus.json');
const isAbove = (value: unknown, least: number): value is number => typeof value === 'number' && value >= least;

/** The defaults where no service was told otherwise. `CONDUCTOR_DURABILITY` of the environment goes before. */
export const readSettings = (root: string, durability?: string): BusSettings => {
  let kept: { durability?: unknown; rotation?: { bytes?: unknown; age_ms?: unknown } };
  try {
    kept = JSON.parse(readFileSync(pathOf(root), 'utf8')) as typeof kept;
  } catch {
    kept = {};
  }
  const { bytes, age_ms } = kept.rotation ?? {};
  return {
    durability: (durability ?? kept.durability) === 'os' ? 'os' : 'fsync',
    rotation: {
      bytes: isAbove(bytes, 1_024) ? bytes : DEFAULTS.rotation.bytes,
      age_ms: isAbove(age_ms, 0) ? age_ms : DEFAULTS.rotation.age_ms,
    },
  };
};

export const saveSettings = (root: string, settings: BusSettings): void => {
  const path = pathOf(root);
  const partial = `${path}.${randomBytes(4).toString('hex')}`;
  writeFileSync(partial, `${JSON.stringify(settings)}\n`, { mode: 0o600 });
  renameSync(partial, path);
};
