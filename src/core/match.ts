import type { Event } from './event.js';
import { isReserved } from './event-type.js';
import { compileGlob, matchesGlob } from './glob.js';
import type { Pattern } from './pattern.js';

/** Reads one path through own properties only. */
export type Reader = (value: unknown) => unknown;

const MOST_SHARED = 10_000;

/** Rules look at the same few fields for the same few values: what is compiled is shared, and stays in the cache of the machine. */
const shared = <Compiled>(compile: (text: string) => Compiled): ((text: string) => Compiled) => {
  const known = new Map<string, Compiled>();
  return (text) => {
    let compiled = known.get(text);
    if (compiled === undefined) {
      if (known.size >= MOST_SHARED) known.clear();
      known.set(text, (compiled = compile(text)));
    }
    return compiled;
  };
};

/** `data.repo.name`. */
export const compilePath = shared((path): Reader => {
  const keys = path.split('.');
  const [only = ''] = keys;
  if (keys.length === 1)
    return (value) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, only)
        ? (value as Record<string, unknown>)[only]
        : undefined;
  return (value) => {
    let current = value;
    for (const key of keys) {
      if (current === null || typeof current !== 'object' || !Object.hasOwn(current, key)) return undefined;
      current = (current as Record<string, unknown>)[key];
    }
    return current;
  };
});

export const getPath = (value: unknown, path: string): unknown => compilePath(path)(value);

type Test = (actual: unknown) => boolean;
type Scalar = string | number | boolean | null;

const equalTo = (expected: Scalar): Test => {
  if (typeof expected === 'string' && /[*?]/.test(expected)) {
    const fits = compileGlob(expected);
    return (actual) => typeof actual === 'string' && fits(actual);
  }
  return expected === null ? (actual) => (actual ?? null) === null : (actual) => actual === expected;
};

const oneOf = (expected: Scalar | readonly Scalar[]): Test => {
  const tests = [expected].flat().map((one) => equalTo(one));
  const [only] = tests;
  return tests.length === 1 ? only! : (actual) => tests.some((test) => test(actual));
};

/** A list in the event fits when one of its members does. */
const orMember =
  (test: Test): Test =>
  (actual) =>
    test(actual) || (Array.isArray(actual) && actual.some(test));

const number =
  (holds: (actual: number) => boolean): Test =>
  (actual) =>
    typeof actual === 'number' && holds(actual);

const compileTest = shared((json): Test => {
  const pattern = JSON.parse(json) as Pattern;
  if (pattern === null || typeof pattern !== 'object' || Array.isArray(pattern)) return orMember(oneOf(pattern));
  const { not, exists, prefix, glob, lt, lte, gt, gte } = pattern;
  const tests: Test[] = [];
  if (exists !== undefined) tests.push((actual) => exists === (actual !== undefined));
  if (not !== undefined) {
    const test = orMember(oneOf(not));
    tests.push((actual) => !test(actual));
  }
  if (prefix !== undefined) tests.push(orMember((actual) => typeof actual === 'string' && actual.startsWith(prefix)));
  if (glob !== undefined) {
    const fits = compileGlob(glob);
    tests.push(orMember((actual) => typeof actual === 'string' && fits(actual)));
  }
  if (lt !== undefined) tests.push(number((actual) => actual < lt));
  if (lte !== undefined) tests.push(number((actual) => actual <= lte));
  if (gt !== undefined) tests.push(number((actual) => actual > gt));
  if (gte !== undefined) tests.push(number((actual) => actual >= gte));
  const [only] = tests;
  return tests.length === 1 ? only! : (actual) => tests.every((test) => test(actual));
});

export const compilePattern = (pattern: Pattern): Test => compileTest(JSON.stringify(pattern));

export interface Mismatch {
  field: string;
  expected: Pattern;
  actual: unknown;
}

/** The first field that does not fit, with its value; undefined when all fit. */
export type Matcher = (event: Event) => Mismatch | undefined;

/** As rules write them, as JSON: rules that ask the same ask it together. */
const compileFields = shared((json): Matcher => {
  const fields = Object.entries(JSON.parse(json) as Record<string, Pattern>).map(([field, expected]) => ({
    field,
    expected,
    read: compilePath(field),
    test: compilePattern(expected),
  }));
  return (event) => {
    for (const { field, expected, read, test } of fields) {
      const actual = read(event);
      if (!test(actual)) return { field, expected, actual };
    }
    return undefined;
  };
});

export const compileMatch = (patterns: Readonly<Record<string, Pattern>> | undefined): Matcher | undefined =>
  patterns === undefined || Object.keys(patterns).length === 0 ? undefined : compileFields(JSON.stringify(patterns));

const matchers = new WeakMap<object, Matcher>();

/** For patterns that are kept: they are compiled once. */
export const firstMismatch = (
  patterns: Readonly<Record<string, Pattern>> | undefined,
  event: Event,
): Mismatch | undefined => {
  if (!patterns) return undefined;
  let matcher = matchers.get(patterns);
  if (!matcher) matchers.set(patterns, (matcher = compileMatch(patterns) ?? (() => undefined)));
  return matcher(event);
};

export const isTypeGlob = (pattern: string): boolean => /[*?]/.test(pattern);

/** A reserved type is matched by its own name only, never by a glob. */
export const matchesType = (on: readonly string[], type: string): boolean =>
  on.some((pattern) => pattern === type || (isTypeGlob(pattern) && !isReserved(type) && matchesGlob(pattern, type)));

const LONGEST_KEY = 512;

/** What an event counts by: the values of the paths, as JSON. */
export const compileKey = (paths: readonly string[] | undefined): ((event: Event) => string) => {
  if (paths === undefined) return () => 'all';
  const readers = paths.map(compilePath);
  const [only] = readers;
  if (readers.length === 1) return (event) => JSON.stringify(only!(event) ?? null).slice(0, LONGEST_KEY);
  return (event) => JSON.stringify(readers.map((read) => read(event) ?? null)).slice(0, LONGEST_KEY);
};
