import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Handler } from '../core/handler.js';

export interface TreeStore {
  keep(handlers: readonly Handler[]): Promise<void>;
  find(hash: string): Handler | undefined;
}

/**
 * The trees of YAML handlers by hash, a file each: an activation goes on with the tree that it began with, whatever has
 * become of the handler's file since. Functions cannot be kept.
 */
export const openTreeStore = (folder: string): TreeStore => {
  const known = new Map<string, Handler>();
  const fileOf = (hash: string): string => join(folder, `${hash}.json`);
  return {
    async keep(handlers) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      for (const handler of handlers) {
        if (handler.language !== 'yaml' || known.has(handler.hash)) continue;
        known.set(handler.hash, handler);
        const file = fileOf(handler.hash);
        if (existsSync(file)) continue;
        await writeFile(`${file}.${process.pid}.tmp`, JSON.stringify(handler), { flush: true, mode: 0o600 });
        await rename(`${file}.${process.pid}.tmp`, file);
      }
    },
    find(hash) {
      if (!/^[0-9a-f]+$/.test(hash)) return undefined;
      const kept = known.get(hash);
      if (kept) return kept;
      try {
        const handler = JSON.parse(readFileSync(fileOf(hash), 'utf8')) as Handler;
        known.set(hash, handler);
        return handler;
      } catch {
        return undefined;
      }
    },
  };
};
