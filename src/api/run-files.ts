import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { ConductorError } from '../core/errors.js';

/** What a run leaves for people; nothing else of its folder is told. */
export const RUN_FILES = ['output.md', 'prompt.md', 'agent-stdout.txt', 'agent-stderr.txt', 'run-info.yaml'] as const;
export type RunFile = (typeof RUN_FILES)[number];

const MOST_BYTES = 4 * 1024 * 1024;
const isGone = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');

/** Opens one for reading; undefined while it is not there. An agent may have put a link in its place: never followed. */
export const openRunFile = async (folder: string, name: RunFile): Promise<FileHandle | undefined> => {
  try {
    const handle = await open(join(folder, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
    throw new ConductorError('forbidden', `${name} is no plain file`);
  } catch (error) {
    if (isGone(error)) return undefined;
    if ((error as NodeJS.ErrnoException).code === 'ELOOP')
      throw new ConductorError('forbidden', `${name} is no plain file`, { cause: error });
    throw error;
  }
};

export interface Stretch {
  text: string;
  /** Bytes. */
  size: number;
  offset: number;
  next: number;
}

const lastLines = (text: string, count: number): string => {
  const lines = text.split('\n');
  const ended = lines.at(-1) === '' ? 1 : 0;
  return lines.slice(Math.max(0, lines.length - count - ended)).join('\n');
};

/** Without the beginning of a character whose rest is not there; a stretch of nothing else is left as it is. */
const wholeCharacters = (bytes: Buffer): Buffer => {
  const lead = bytes.findLastIndex((byte) => (byte & 0xc0) !== 0x80);
  const byte = bytes[lead] ?? 0;
  const wants = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
  return lead > 0 && bytes.length - lead < wants ? bytes.subarray(0, lead) : bytes;
};

/** A part of a file, 4 MiB at most: from a byte on, or its last lines. */
export const readStretch = async (
  folder: string,
  name: RunFile,
  { offset, limit = MOST_BYTES, tail }: { offset?: number; limit?: number; tail?: number } = {},
): Promise<Stretch> => {
  const handle = await openRunFile(folder, name);
  if (!handle) throw new ConductorError('not_found', `the run has no ${name}`);
  try {
    const { size } = await handle.stat();
    const from = offset ?? (tail === undefined ? 0 : Math.max(0, size - MOST_BYTES));
    const bytes = Buffer.alloc(Math.max(0, Math.min(limit, MOST_BYTES, size - from)));
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, from);
    const told = wholeCharacters(bytes.subarray(0, bytesRead));
    const text = told.toString('utf8');
    return { text: tail === undefined ? text : lastLines(text, tail), size, offset: from, next: from + told.length };
  } finally {
    await handle.close();
  }
};
