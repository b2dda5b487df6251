/// <reference path="./fs-native-extensions.d.ts" />
import { chmodSync, closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ConductorError } from '../core/errors.js';
import { layout, type Layout } from './layout.js';

/** The version of the files under `.conductor` that this program reads and writes. */
const FORMAT = 1;

export interface Root {
  /** Absolute. */
  path: string;
  root_id: string;
  /** What the MACs of our own facts are made with. */
  key: Buffer;
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code;

const readIfThere = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
};

const parseRootFile = (file: string, text: string): string => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ConductorError('storage', 'this is not the JSON of a root', { cause: error, position: { file } });
  }
  const { root_id, format } = (value ?? {}) as { root_id?: unknown; format?: unknown };
  if (typeof format === 'number' && format > FORMAT) {
    const message = `the root has format ${format}, this program knows ${FORMAT}: use a newer conductor`;
    throw new ConductorError('storage', message, { position: { file } });
  }
  if (typeof root_id !== 'string' || root_id === '' || format !== FORMAT) {
    throw new ConductorError('storage', 'root_id or format is missing or wrong', { position: { file } });
  }
  return root_id;
};

const readKey = (paths: Layout): Buffer => {
  const text = readIfThere(paths.keyFile);
  // A new key would make every fact written so far look forged, so a lost one is never replaced in silence.
  if (text === undefined) {
    throw new ConductorError('storage', "the root's key is missing", { position: { file: paths.keyFile } });
  }
  if (!/^[0-9a-f]{64}$/.test(text.trim())) {
    throw new ConductorError('storage', 'the key is not 64 hexadecimal digits', { position: { file: paths.keyFile } });
  }
  return Buffer.from(text.trim(), 'hex');
};

/** Loaded here alone, since every short-lived writer opens a root and hardly ever makes one. */
const make = async (paths: Layout): Promise<void> => {
  const [{ randomBytes, randomUUID }, { createAtomically }] = await Promise.all([
    import('node:crypto'),
    import('./atomic-write.js'),
  ]);
  mkdirSync(paths.own, { recursive: true, mode: 0o700 });
  chmodSync(paths.own, 0o700);
  // The key first: whoever sees root.json may rely on the key being there.
  await createAtomically(paths.keyFile, `${randomBytes(32).toString('hex')}\n`, 0o600);
  const text = `${JSON.stringify({ root_id: randomUUID(), format: FORMAT })}\n`;
  await createAtomically(paths.rootFile, text, 0o600);
};

/** Opens the root, making it first if need be. Processes that race all see what the first one made. */
export const openRoot = async (root: string): Promise<Root> => {
  const path = resolve(root);
  const paths = layout(path);
  try {
    const known = readIfThere(paths.rootFile);
    if (known === undefined) await make(paths);
    const root_id = parseRootFile(paths.rootFile, known ?? readFileSync(paths.rootFile, 'utf8'));
    return { path, root_id, key: readKey(paths) };
  } catch (error) {
    if (error instanceof ConductorError) throw error;
    const why = ['EACCES', 'EPERM', 'EROFS'].includes(codeOf(error) ?? '')
      ? 'it is not writable'
      : String((error as Error).message);
    throw new ConductorError('storage', `cannot open the root ${path}: ${why}`, {
      cause: error,
      details: { root: path },
    });
  }
};

export interface ServiceInfo {
  pid: number;
  [key: string]: unknown;
}

/** Makes this process the root's only service, until closed or dead: the kernel drops the lock with the process. */
export const holdRoot = async (root: string, info: Partial<ServiceInfo> = {}): Promise<{ close(): Promise<void> }> => {
  const path = resolve(root);
  const file = layout(path).serviceLock;
  const { tryLock, unlock } = await import('fs-native-extensions');
  let fd: number;
  try {
    fd = openSync(file, 'a+', 0o600);
  } catch (error) {
    throw new ConductorError('storage', `cannot open ${file}`, { cause: error });
  }
  if (!tryLock(fd)) {
    closeSync(fd);
    const holder = readHolder(file);
    const who = holder?.pid === undefined ? 'another process' : `process ${holder.pid}`;
    throw new ConductorError('root_in_use', `${who} serves the root ${path} already`, {
      details: { root: path, ...holder },
    });
  }
  // In place, not by rename: the lock belongs to this very file.
  ftruncateSync(fd, 0);
  writeFileSync(fd, `${JSON.stringify({ pid: process.pid, ...info })}\n`);
  let closed = false;
  return {
    close() {
      if (closed) return Promise.resolve();
      closed = true;
      ftruncateSync(fd, 0);
      unlock(fd);
      closeSync(fd);
      return Promise.resolve();
    },
  };
};

/** Who holds the lock, as it says itself; undefined when nobody wrote anything readable. */
export const readHolder = (file: string): Partial<ServiceInfo> | undefined => {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Partial<ServiceInfo>;
  } catch {
    return undefined;
  }
};

/** The service of the root, as it says itself; undefined when there is none. Takes no lock: one may be starting. */
export const findService = (root: string): Partial<ServiceInfo> | undefined => {
  const holder = readHolder(layout(resolve(root)).serviceLock);
  if (holder?.pid === undefined) return undefined;
  try {
    process.kill(holder.pid, 0);
    return holder;
  } catch (error) {
    return codeOf(error) === 'EPERM' ? holder : undefined;
  }
};
