import { join } from 'node:path';
import type { CheckpointFile } from '../core/ports.js';
import { sealedFile } from '../storage/sealed-file.js';
import { readVersion } from './package-folder.js';

/** Where a fold over the bus of a root may go on from. Only the service, which is alone on its root, saves it. */
export const checkpointFile = (
  root: { path: string; key: Buffer },
  name: 'ledger' | 'lists',
  options: { save: boolean },
): CheckpointFile => {
  const file = sealedFile(join(root.path, '.conductor', 'cache', name), root.key, `${name} checkpoint`);
  return {
    version: readVersion(),
    load: () => file.load(),
    ...(options.save ? { save: (content: Uint8Array) => file.save(content) } : {}),
  };
};
