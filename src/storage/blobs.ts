import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConductorError } from '../core/errors.js';
import type { Blobs } from '../core/ports.js';
import { createAtomically, syncFolder } from './atomic-write.js';
import { layout } from './layout.js';

/** Bytes kept by their SHA-256 under `.conductor/blobs/`, each once. They come from outside: nobody else may read them. */
export const openBlobs = (root: string): Blobs => {
  const { own, blobsFolder } = layout(root);
  let made = false;
  return {
    async put(bytes) {
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      try {
        if (!made && (await mkdir(blobsFolder, { recursive: true, mode: 0o700 })) !== undefined) await syncFolder(own);
        made = true;
        // One that was there already may not be durable yet: its writer is still about to say so.
        if (!(await createAtomically(join(blobsFolder, sha256), bytes, 0o600))) await syncFolder(blobsFolder);
      } catch (error) {
        made = false;
        throw new ConductorError('storage', `cannot store a blob in ${blobsFolder}: ${(error as Error).message}`, {
          cause: error,
        });
      }
      return { sha256, bytes: bytes.length };
    },
    async get(sha256) {
      if (!/^[0-9a-f]{64}$/.test(sha256)) return undefined;
      return readFile(join(blobsFolder, sha256)).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
    },
  };
};
