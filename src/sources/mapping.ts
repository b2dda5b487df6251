import { draftSchema } from '../core/event.js';
import { isReserved } from '../core/event-type.js';
import { markIn } from '../core/marker.js';
import { compilePath, compilePattern, type Reader } from '../core/match.js';
import type { Mapping } from '../core/webhook.js';
import { compileField, compileFields, valueReader } from './fields.js';
import { isObject, type Json } from './json.js';
import { cut } from './text.js';

/** What a delivery means to us. */
export interface Meaning {
  type: string;
  body: string;
  data: Record<string, unknown>;
  /** Machinery sent it, whoever is named. */
  system?: boolean;
  /** The id of a mark of ours in what its author wrote. */
  mark?: string;
}

/**
 * What the first row that fits makes of a payload, by the provider's name of the event. Empty where no row does: nothing
 * here answers to it. Never throws, whatever the payload is.
 */
export type Mapper = (event: string, payload: Json) => Meaning[];

/** One delivery is told as so many events at most. */
const MOST_EVENTS = 100;
const MOST_BODY = 2_000;

/** `{a|b}` is the first of the fields that is there, or nothing. */
const compileBody = (template: string | undefined): ((data: Json) => string) => {
  if (template === undefined) return () => '';
  // Text at even places, names at odd ones.
  const parts = template.split(/\{([^{}]+)\}/);
  const named = parts.map((part, index) => (index % 2 === 1 ? part.split('|').map((name) => name.trim()) : part));
  const shown = (data: Json, names: readonly string[]): string | number => {
    for (const name of names) {
      const value = data[name];
      if (typeof value === 'string' || typeof value === 'number') return value;
    }
    return '';
  };
  return (data) => {
    let body = '';
    for (const part of named) body += typeof part === 'string' ? part : shown(data, part);
    return cut((body.includes('  ') ? body.replace(/ {2,}/g, ' ') : body).trim(), MOST_BODY);
  };
};

/** The row's type, or the one that the payload names; undefined when that is none a sender may say. */
const compileType = ({ type }: Mapping): ((payload: Json) => string | undefined) => {
  if (typeof type === 'string') return () => type;
  const read = valueReader(type.from);
  return (payload) => {
    const named = draftSchema.shape.type.safeParse(`${type.prefix}${String(read(payload) ?? '')}`);
    return named.success && !isReserved(named.data) ? named.data : undefined;
  };
};

/** The payload itself, or once for each thing in the list with that thing as `item`. */
const compileContexts = (for_each: string | undefined): ((payload: Json) => readonly Json[]) => {
  if (for_each === undefined) return (payload) => [payload];
  const read: Reader = compilePath(for_each);
  return (payload) => {
    const list = read(payload);
    const items: readonly unknown[] = Array.isArray(list) ? list : [];
    return items
      .filter(isObject)
      .slice(0, MOST_EVENTS)
      .map((item) => ({ ...payload, item }));
  };
};

/** A mark stands at the end of a text, however long that is. */
const compileMark = (written: Mapping['written']): ((payload: Json) => string | undefined) => {
  if (written === undefined) return () => undefined;
  const read = compileField(written, Infinity);
  return (payload) => {
    const text = read(payload);
    if (text === undefined) return undefined;
    const texts = [text].flat() as unknown[];
    return markIn(texts.join('\n'));
  };
};

/** Undefined: the row does not fit. */
const compileRow = (row: Mapping): ((payload: Json) => Meaning[] | undefined) => {
  const tests = Object.entries(row.match ?? {}).map(([path, pattern]) => {
    const read = compilePath(path);
    const fits = compilePattern(pattern);
    return (payload: Json): boolean => fits(read(payload));
  });
  const contexts = compileContexts(row.for_each);
  const typeOf = compileType(row);
  const dataOf = compileFields(row.data);
  const bodyOf = compileBody(row.body);
  const markOf = compileMark(row.written);
  return (payload) => {
    let meanings: Meaning[] | undefined;
    for (const context of contexts(payload)) {
      if (!tests.every((fits) => fits(context))) continue;
      meanings ??= [];
      const type = typeOf(context);
      if (type === undefined) continue;
      const data = dataOf(context);
      const meaning: Meaning = { type, body: bodyOf(data), data };
      if (row.system) meaning.system = true;
      const mark = markOf(context);
      if (mark !== undefined) meaning.mark = mark;
      meanings.push(meaning);
    }
    return meanings;
  };
};

const ANY = '*';

export const compileMapping = (rows: readonly Mapping[]): Mapper => {
  const compiled = rows.map((row) => ({ on: row.on, read: compileRow(row) }));
  const names = new Set(rows.flatMap(({ on }) => on));
  const readersFor = (event: string) => compiled.filter(({ on }) => on.includes(event) || on.includes(ANY));
  const byEvent = new Map([...names].map((name) => [name, readersFor(name)]));
  const forAny = readersFor(ANY);
  return (event, payload) => {
    for (const { read } of byEvent.get(event) ?? forAny) {
      const meanings = read(payload);
      if (meanings !== undefined) return meanings;
    }
    return [];
  };
};
