/** Data too large for a record: one file a content, `.conductor/blobs/<sha256>`. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Event } from '../core/event.js';
import { storageError } from './file.js';
import type { Blob } from './format.js';

const folderOf = (root: string): string => join(root, '.conductor', 'blobs');
export const blobPath = (root: string, sha256: string): string => join(folderOf(root), sha256);

const sync = async (path: string): Promise<void> => {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
};

/** The bytes that the name promises; undefined when they are missing or others. */
const readBlob = async (root: string, sha256: string): Promise<Buffer | undefined> => {
  const bytes = await readFile(blobPath(root, sha256)).catch(() => undefined);
  return bytes && createHash('sha256').update(bytes).digest('hex') === sha256 ? bytes : undefined;
};

/** Resolves when the blob is durable under its name. */
export const writeBlob = async (root: string, { sha256, bytes }: Blob, durable: boolean): Promise<void> => {
  const folder = folderOf(root);
  const path = blobPath(root, sha256);
  const partial = `${path}.${randomBytes(4).toString('hex')}`;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (await readBlob(root, sha256)) {
      // Whoever wrote it may not have come to this.
      if (durable) await sync(path);
    } else {
      const handle = await open(partial, 'wx', 0o600);
      try {
        await handle.writeFile(bytes);
        if (durable) await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(partial, path);
    }
    if (durable) {
      await sync(folder);
      await sync(join(root, '.conductor'));
    }
  } catch (error) {
    await rm(partial, { force: true });
    throw storageError(`cannot write ${path}`, error);
  }
};

const parse = (bytes: Buffer | undefined): Event['data'] | undefined => {
  if (!bytes) return undefined;
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Event['data']) : undefined;
  } catch {
    return undefined;
  }
};

/** The event with its whole data, where its blob is there and right; else as it is. */
export const withBlob = async (root: string, event: Event): Promise<Event> => {
  const { data_blob, ...rest } = event;
  if (data_blob === undefined) return event;
  const data = parse(await readBlob(root, data_blob));
  return data ? { ...rest, data } : event;
};

/** Undefined when no event of the batch has a blob, so that the many others pay nothing. */
export const withBlobs = (root: string, events: readonly Event[]): Promise<Event[]> | undefined =>
  events.some((event) => event.data_blob !== undefined)
    ? Promise.all(events.map((event) => withBlob(root, event)))
    : undefined;
