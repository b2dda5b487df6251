import { getPath } from '../core/match.js';
import { cut } from './text.js';

/** Reads of foreign JSON: whatever is missing or of another kind is undefined, never an error. */
export type Json = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Text from outside has no bound of its own; one record of the bus should stay small. */
export const textAt = (value: unknown, path: string, most = 1_000): string | undefined => {
  const found = getPath(value, path);
  return typeof found === 'string' && found !== '' ? cut(found, most) : undefined;
};

/** Deep nesting would overflow the stack of whoever writes it out again. */
export const isNestedWithin = (value: unknown, levels: number): boolean =>
  typeof value !== 'object' ||
  value === null ||
  (levels > 0 && Object.values(value).every((inner) => isNestedWithin(inner, levels - 1)));
