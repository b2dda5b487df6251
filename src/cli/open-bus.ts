import { openFileBus } from '../bus/file-bus.js';
import { readSettings } from '../bus/settings.js';
import type { Bus } from '../core/ports.js';
import { openRoot, type Root } from '../storage/root.js';
import { clock } from './system.js';

/** For commands that look at what happened: config.yaml is not read, so that they work while it is broken. */
export const openBus = async (options: { root: string }): Promise<{ root: Root; bus: Bus }> => {
  const root = await openRoot(options.root);
  return { root, bus: await openFileBus({ root: root.path, key: root.key, clock, ...readSettings(root.path) }) };
};
