import { ConductorError } from '../core/errors.js';
import type { Cursor } from '../core/ports.js';

/** Where a reader is: so many bytes into a segment. Segments count from 1. */
export interface Position {
  segment: number;
  offset: number;
}

export const toCursor = ({ segment, offset }: Position): Cursor => `${segment}:${offset}`;

export const fromCursor = (cursor: Cursor): Position => {
  const match = /^([1-9]\d{0,11}):(\d{1,15})$/.exec(cursor);
  if (!match) throw new ConductorError('bad_request', `"${cursor}" is no cursor of this bus`);
  return { segment: Number(match[1]), offset: Number(match[2]) };
};
