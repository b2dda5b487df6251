import { compilePath } from '../core/match.js';
import type { Field } from '../core/webhook.js';
import { cut } from './text.js';

type Value = string | number | boolean | undefined;
type Paths = string | readonly string[];

const MOST_TEXT = 1_000;
const MOST_LISTED = 20;

/** Text is cut, since text from outside has no bound of its own. */
const shown = (found: unknown, most: number): Value => {
  if (typeof found === 'string') return found === '' ? undefined : cut(found, most);
  return typeof found === 'number' || typeof found === 'boolean' ? found : undefined;
};

/** The first value that is there. */
export const valueReader = (paths: Paths, most = MOST_TEXT): ((from: unknown) => Value) => {
  const [first, ...others] = [paths].flat().map((path) => compilePath(path));
  if (first === undefined) return () => undefined;
  return (from) => {
    let value = shown(first(from), most);
    for (let index = 0; value === undefined && index < others.length; index += 1)
      value = shown(others[index]!(from), most);
    return value;
  };
};

const listReader = (paths: Paths): ((from: unknown) => readonly unknown[] | undefined) => {
  const readers = [paths].flat().map((path) => compilePath(path));
  return (from) => {
    for (const read of readers) {
      const found = read(from);
      if (Array.isArray(found)) return found as readonly unknown[];
    }
    return undefined;
  };
};

type Read = (from: unknown) => unknown;

const objectReader = (readers: readonly (readonly [string, Read])[]): ((from: unknown) => Record<string, unknown>) => {
  return (from) => {
    const data: Record<string, unknown> = {};
    for (const [name, read] of readers) {
      const value = read(from);
      if (value !== undefined) data[name] = value;
    }
    return data;
  };
};

const eachReader = (each: Paths | Readonly<Record<string, Paths>>, most: number): Read => {
  if (typeof each === 'string' || Array.isArray(each)) return valueReader(each as Paths, most);
  return objectReader(Object.entries(each).map(([name, paths]) => [name, valueReader(paths, most)]));
};

/** `limit`: characters of a text where the field itself says nothing. */
export const compileField = (field: Field, limit = MOST_TEXT): Read => {
  if (typeof field === 'string' || Array.isArray(field)) return valueReader(field, limit);
  if ('value' in field) return () => field.value;
  const { from, after, each, last, count, most = limit } = field;
  if (count === true) {
    const list = listReader(from);
    return (payload) => list(payload)?.length;
  }
  if (each !== undefined) {
    const list = listReader(from);
    const read = eachReader(each, most);
    return (payload) => {
      const all = list(payload);
      const kept = last === undefined ? all?.slice(0, MOST_LISTED) : all?.slice(-last);
      return kept?.map(read).filter((one) => one !== undefined);
    };
  }
  const read = valueReader(from, most);
  if (after === undefined) return read;
  return (payload) => {
    const found = read(payload);
    return typeof found === 'string' && found.startsWith(after) ? found.slice(after.length) : undefined;
  };
};

/** Reads all fields of a row; those that are not there are left out. */
export const compileFields = (fields: Readonly<Record<string, Field>>): ((from: unknown) => Record<string, unknown>) =>
  objectReader(Object.entries(fields).map(([name, field]) => [name, compileField(field)]));
