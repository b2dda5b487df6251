import { ConductorError } from '../core/errors.js';
import type { Cursor } from '../core/ports.js';
import { momentOf } from './stamp.js';

/** Where a reader is: so many bytes into a segment. Segments count from 1. */
export interface Position {
  segment: number;
  offset: number;
  /** The last sealed message before it, by which the place is found again in a file that was changed. */
  last?: string | undefined;
}

export const toCursor = ({ segment, offset, last }: Position): Cursor =>
  `${segment}:${offset}${last === undefined ? '' : `:${last}`}`;

export const fromCursor = (cursor: Cursor): Position => {
  const match = /^([1-9]\d{0,11}):(\d{1,15})(?::(\S{1,200}))?$/.exec(cursor);
  const last = match?.[3];
  if (!match || (last !== undefined && !momentOf(last)))
    throw new ConductorError('bad_request', `"${cursor}" is no cursor of this bus`);
  return { segment: Number(match[1]), offset: Number(match[2]), last };
};
