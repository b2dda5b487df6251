import type { Event } from './event.js';
import { isReserved } from './event-type.js';
import { matchesGlob } from './glob.js';
import type { Pattern } from './rule.js';

/** `data.repo.name` through own properties only. */
export const getPath = (value: unknown, path: string): unknown => {
  let current = value;
  for (const key of path.split('.')) {
    if (current === null || typeof current !== 'object' || !Object.hasOwn(current, key)) return undefined;
    current = (current as Record<string, unknown>)[key];
  }
  return current;
};

type Scalar = string | number | boolean | null;

const equals = (expected: Scalar, actual: unknown): boolean =>
  typeof expected === 'string' && typeof actual === 'string' && /[*?]/.test(expected)
    ? matchesGlob(expected, actual)
    : expected === (actual ?? null);

const oneOf = (expected: Scalar | readonly Scalar[], actual: unknown): boolean =>
  [expected].flat().some((one) => equals(one, actual));

export const matchesPattern = (pattern: Pattern, actual: unknown): boolean => {
  if (pattern === null || typeof pattern !== 'object' || Array.isArray(pattern)) return oneOf(pattern, actual);
  const number = typeof actual === 'number' ? actual : Number.NaN;
  return (
    (pattern.not === undefined || !oneOf(pattern.not, actual)) &&
    (pattern.exists === undefined || pattern.exists === (actual !== undefined)) &&
    (pattern.prefix === undefined || (typeof actual === 'string' && actual.startsWith(pattern.prefix))) &&
    (pattern.glob === undefined || (typeof actual === 'string' && matchesGlob(pattern.glob, actual))) &&
    (pattern.lt === undefined || number < pattern.lt) &&
    (pattern.lte === undefined || number <= pattern.lte) &&
    (pattern.gt === undefined || number > pattern.gt) &&
    (pattern.gte === undefined || number >= pattern.gte)
  );
};

/** The first field that does not fit, with its value; undefined when all fit. */
export const firstMismatch = (
  patterns: Readonly<Record<string, Pattern>> | undefined,
  event: Event,
): { field: string; actual: unknown } | undefined => {
  for (const [field, pattern] of Object.entries(patterns ?? {})) {
    const actual = getPath(event, field);
    if (!matchesPattern(pattern, actual)) return { field, actual };
  }
  return undefined;
};

/** A reserved type is matched by its own name only, never by a glob. */
export const matchesType = (on: readonly string[], type: string): boolean =>
  on.some((pattern) => (isReserved(type) ? pattern === type : matchesGlob(pattern, type)));
