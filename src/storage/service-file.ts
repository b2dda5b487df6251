import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile, rm, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ConductorError } from '../core/errors.js';
import { createAtomically, writeAtomically } from './atomic-write.js';
import { layout } from './layout.js';

/** What our commands need to talk to the service that owns the root. */
export interface ServiceFile {
  url: string;
  pid: number;
  token: string;
  /** Where it listens on a socket of the file system instead of a port. */
  socket?: string;
}

const TOKEN = /^ct_[0-9a-f]{64}$/;

/** The root's token: 256 random bits, made the first time anybody asks. The file is its owner's alone. */
export const openToken = async (rootPath: string): Promise<string> => {
  const file = layout(resolve(rootPath)).tokenFile;
  try {
    await createAtomically(file, `ct_${randomBytes(32).toString('hex')}\n`, 0o600);
    if (((await stat(file)).mode & 0o077) !== 0)
      throw new ConductorError('configuration', 'others may read the token: chmod 600 it', { position: { file } });
    const token = (await readFile(file, 'utf8')).trim();
    if (!TOKEN.test(token))
      throw new ConductorError(
        'configuration',
        'this is no token; delete the file, and the next start makes a new one',
        {
          position: { file },
        },
      );
    return token;
  } catch (cause) {
    if (cause instanceof ConductorError) throw cause;
    throw new ConductorError('storage', `cannot open the token: ${(cause as Error).message}`, {
      cause,
      position: { file },
    });
  }
};

/** A new token in the place of the old one. A running service knows it after its next start. */
export const replaceToken = async (rootPath: string): Promise<string> => {
  await rm(layout(resolve(rootPath)).tokenFile, { force: true });
  return openToken(rootPath);
};

export const writeServiceFile = async (rootPath: string, service: ServiceFile): Promise<void> =>
  writeAtomically(layout(resolve(rootPath)).serviceFile, `${JSON.stringify(service)}\n`, 0o600);

export const removeServiceFile = async (rootPath: string): Promise<void> =>
  rm(layout(resolve(rootPath)).serviceFile, { force: true });

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
};

/** The service of the root; undefined where none runs. One that was killed leaves its file behind. */
export const readServiceFile = (rootPath: string): ServiceFile | undefined => {
  let text: string;
  try {
    // Read on the way to each start of a process: another thread would take longer.
    text = readFileSync(layout(resolve(rootPath)).serviceFile, 'utf8');
  } catch {
    return undefined;
  }
  try {
    const service = JSON.parse(text) as ServiceFile;
    return typeof service.url === 'string' && typeof service.token === 'string' && isAlive(service.pid)
      ? service
      : undefined;
  } catch {
    return undefined;
  }
};
