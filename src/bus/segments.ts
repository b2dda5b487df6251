/**
 * The bus is one live file and, beside it, the segments that were closed before it. A segment is closed by one rename to a
 * name that nothing else can have, so there is no moment in which a message could be lost, with or without a lock.
 */
import { closeSync, constants, fstatSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { uniqueSuffix } from './crypto.js';
import { BUS_FILE, busPath, storageError } from './file.js';

const CLOSED = /^MESSAGE-BUS-(\d{6,12})-[0-9a-f]{8}\.md$/;

export interface Segment {
  /** From 1, rising; the live file has the number after the last closed one. */
  number: number;
  path: string;
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** In the order in which they were written. */
export const closedSegments = (root: string): Segment[] => {
  let names: string[];
  try {
    names = readdirSync(root);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw storageError(`cannot read ${root}`, error);
  }
  return names
    .flatMap((name) => {
      const match = CLOSED.exec(name);
      return match ? [{ number: Number(match[1]), name }] : [];
    })
    .sort((left, right) => left.number - right.number || (left.name < right.name ? -1 : 1))
    .map(({ number, name }) => ({ number, path: join(root, name) }));
};

export const numberAfter = (closed: readonly Segment[]): number => (closed.at(-1)?.number ?? 0) + 1;

export const closedPath = (root: string, number: number): string =>
  join(root, `${BUS_FILE.slice(0, -3)}-${String(number).padStart(6, '0')}-${uniqueSuffix()}.md`);

/** For reading; undefined when there is no such file. */
export const openToRead = (path: string): number | undefined => {
  try {
    return openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw storageError(`cannot read ${path}`, error);
  }
};

/** The file that this path names is the one that `fd` has open. */
export const isSameFile = (path: string, fd: number): boolean => {
  const other = openToRead(path);
  if (other === undefined) return false;
  try {
    const left = fstatSync(other);
    const right = fstatSync(fd);
    return left.ino === right.ino && left.dev === right.dev;
  } finally {
    closeSync(other);
  }
};

export interface OpenSegment extends Segment {
  fd: number;
  live: boolean;
}

/** Opens segment `number`; undefined when it is gone, or is the live one and not there yet. */
export const openSegment = (root: string, number: number): OpenSegment | undefined => {
  for (;;) {
    const closed = closedSegments(root);
    const wanted = closed.find((segment) => segment.number === number);
    if (wanted) {
      const fd = openToRead(wanted.path);
      return fd === undefined ? undefined : { ...wanted, fd, live: false };
    }
    if (number !== numberAfter(closed)) return undefined;
    const path = busPath(root);
    const fd = openToRead(path);
    // Closed in between: what we opened may be its successor.
    if (numberAfter(closedSegments(root)) === number) {
      return fd === undefined ? undefined : { number, path, fd, live: true };
    }
    if (fd !== undefined) closeSync(fd);
  }
};

/** The closed segment that `fd` has open and where the reading goes on after it; undefined when it is none. */
export const closedAs = (root: string, fd: number): { segment: Segment; next: Segment | undefined } | undefined => {
  const closed = closedSegments(root);
  for (let index = closed.length - 1; index >= 0; index -= 1) {
    const segment = closed[index];
    if (segment && isSameFile(segment.path, fd)) return { segment, next: closed[index + 1] };
  }
  return undefined;
};

/** Everything there is now, oldest first. The live file is opened first, so that what was appended before is in it or before it. */
export const snapshot = (root: string): { closed: Segment[]; live: OpenSegment | undefined } => {
  const path = busPath(root);
  const fd = openToRead(path);
  const closed = closedSegments(root);
  if (fd === undefined) return { closed, live: undefined };
  const index = closed.findLastIndex((segment) => isSameFile(segment.path, fd));
  const before = index < 0 ? closed : closed.slice(0, index);
  return { closed: before, live: { number: numberAfter(before), path, fd, live: true } };
};
