import { join } from 'node:path';
import type { CheckpointFile } from '../ledger/checkpoint.js';
import { sealedFile } from '../storage/sealed-file.js';
import { readVersion } from './package-folder.js';

/** Where the ledger of a root may go on from. Only the service, which is alone on its root, saves it. */
export const ledgerFile = (root: { path: string; key: Buffer }, options: { save: boolean }): CheckpointFile => {
  const file = sealedFile(join(root.path, '.conductor', 'cache', 'ledger'), root.key, 'ledger checkpoint');
  return {
    version: readVersion(),
    load: () => file.load(),
    ...(options.save ? { save: (content: Uint8Array) => file.save(content) } : {}),
  };
};
