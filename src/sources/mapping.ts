import { draftSchema } from '../core/event.js';
import { isReserved } from '../core/event-type.js';
import { matchesPattern } from '../core/match.js';
import type { Field, Mapping } from '../core/webhook.js';
import { at, compact, isObject, type Json } from './json.js';

/** What a delivery means to us. */
export interface Meaning {
  type: string;
  body: string;
  data: Record<string, unknown>;
  /** Machinery sent it, whoever is named. */
  system?: boolean;
}

const MOST_TEXT = 1_000;
const MOST_LISTED = 20;
/** One delivery is told as so many events at most. */
const MOST_EVENTS = 100;
const MOST_BODY = 2_000;

const valueAt = (
  payload: unknown,
  paths: string | readonly string[],
  most = MOST_TEXT,
): string | number | boolean | undefined => {
  for (const path of [paths].flat()) {
    const found = at(payload, path);
    if (typeof found === 'string' && found !== '') return found.slice(0, most);
    if (typeof found === 'number' || typeof found === 'boolean') return found;
  }
  return undefined;
};

const listAt = (payload: unknown, paths: string | readonly string[]): readonly unknown[] | undefined =>
  [paths]
    .flat()
    .map((path) => at(payload, path))
    .find((found) => Array.isArray(found));

const fieldOf = (payload: unknown, field: Field): unknown => {
  if (typeof field === 'string' || Array.isArray(field)) return valueAt(payload, field);
  if ('value' in field) return field.value;
  const { from, after, each, last, count, most } = field;
  if (count === true) return listAt(payload, from)?.length;
  if (each !== undefined) {
    const list = listAt(payload, from);
    const kept = last === undefined ? list?.slice(0, MOST_LISTED) : list?.slice(-last);
    return kept
      ?.map((item) =>
        typeof each === 'string' || Array.isArray(each)
          ? valueAt(item, each, most)
          : compact(Object.fromEntries(Object.entries(each).map(([name, one]) => [name, valueAt(item, one, most)]))),
      )
      .filter((one) => one !== undefined);
  }
  const found = valueAt(payload, from, most);
  if (after === undefined) return found;
  return typeof found === 'string' && found.startsWith(after) ? found.slice(after.length) : undefined;
};

/** `{a|b}` is the first of the fields that is there, or nothing. */
const fill = (template: string, data: Json): string =>
  template
    .replace(/\{([^{}]+)\}/g, (_, names: string) => {
      const found = names.split('|').map((name) => data[name.trim()]);
      const first = found.find((value) => typeof value === 'string' || typeof value === 'number');
      return first === undefined ? '' : String(first);
    })
    .replace(/ {2,}/g, ' ')
    .trim()
    .slice(0, MOST_BODY);

/** The row's type, or the one that the payload names; undefined when that is none a sender may say. */
const typeOf = ({ type }: Mapping, payload: Json): string | undefined => {
  if (typeof type === 'string') return type;
  const named = draftSchema.shape.type.safeParse(`${type.prefix}${String(valueAt(payload, type.from) ?? '')}`);
  return named.success && !isReserved(named.data) ? named.data : undefined;
};

const meaningOf = (row: Mapping, payload: Json): Meaning | undefined => {
  const type = typeOf(row, payload);
  if (type === undefined) return undefined;
  const data = compact(
    Object.fromEntries(Object.entries(row.data).map(([name, field]) => [name, fieldOf(payload, field)])),
  );
  const body = row.body === undefined ? '' : fill(row.body, data);
  return { type, body, data, ...(row.system ? { system: true } : {}) };
};

const fits = (row: Mapping, payload: Json): boolean =>
  Object.entries(row.match ?? {}).every(([path, pattern]) => matchesPattern(pattern, at(payload, path)));

/**
 * What the first row that fits makes of the payload. Empty where no row does: nothing here answers to it. Never throws,
 * whatever the payload is.
 */
export const meaningsOf = (rows: readonly Mapping[], event: string, payload: Json): Meaning[] => {
  for (const row of rows) {
    if (!row.on.includes(event) && !row.on.includes('*')) continue;
    const contexts =
      row.for_each === undefined
        ? [payload]
        : (listAt(payload, row.for_each) ?? [])
            .filter(isObject)
            .slice(0, MOST_EVENTS)
            .map((item) => ({ ...payload, item }));
    const told = contexts.filter((context) => fits(row, context));
    if (told.length > 0)
      return told.map((context) => meaningOf(row, context)).filter((meaning) => meaning !== undefined);
  }
  return [];
};
