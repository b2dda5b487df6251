/** What is too large for a record: one file a content, `.conductor/blobs/<sha256>`. It may come from outside: nobody else may read it. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Event } from '../core/event.js';
import type { Blobs } from '../core/ports.js';
import { storageError } from './file.js';

export const blobsFolder = (root: string): string => join(root, '.conductor', 'blobs');
/** The main loop hashes so much at a time: some ms. */
const SLICE = 2 * 1024 * 1024;

const hashOf = async (bytes: Uint8Array): Promise<string> => {
  const hash = createHash('sha256');
  for (let at = 0; at < bytes.length; at += SLICE) {
    if (at > 0) await setImmediate();
    hash.update(bytes.subarray(at, at + SLICE));
  }
  return hash.digest('hex');
};

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
  const bytes = await readFile(join(blobsFolder(root), sha256)).catch(() => undefined);
  return bytes && (await hashOf(bytes)) === sha256 ? bytes : undefined;
};

/** True when it is there already; it then counts as new, so that nobody sweeps it away before it is named on the bus. */
const reuse = async (root: string, sha256: string): Promise<boolean> => {
  const now = new Date();
  const isTouched = await utimes(join(blobsFolder(root), sha256), now, now).then(
    () => true,
    () => false,
  );
  return isTouched && (await readBlob(root, sha256)) !== undefined;
};

const write = async (path: string, bytes: Uint8Array, durable: boolean): Promise<void> => {
  const partial = `${path}.${randomBytes(4).toString('hex')}`;
  try {
    const handle = await open(partial, 'wx', 0o600);
    try {
      await handle.writeFile(bytes);
      if (durable) await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
};

/** `durable`: false where a process may die at any time, the machine not. */
export const openBlobs = (root: string, durable = true): Blobs => {
  const folder = blobsFolder(root);
  let isMade = false;
  const make = async (): Promise<void> => {
    if (isMade) return;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (durable) await sync(join(root, '.conductor'));
    isMade = true;
  };
  return {
    async put(bytes) {
      const sha256 = await hashOf(bytes);
      const path = join(folder, sha256);
      try {
        await make();
        if (!(await reuse(root, sha256))) await write(path, bytes, durable);
        // Whoever wrote it before may not have come to this.
        else if (durable) await sync(path);
        if (durable) await sync(folder);
      } catch (error) {
        isMade = false;
        throw storageError(`cannot store a blob in ${folder}`, error);
      }
      return { sha256, bytes: bytes.length };
    },
    get: async (sha256) => (/^[0-9a-f]{64}$/.test(sha256) ? readBlob(root, sha256) : undefined),
  };
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
