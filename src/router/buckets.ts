import type { Event } from '../core/event.js';
import { compilePath, isTypeGlob } from '../core/match.js';
import type { Pattern } from '../core/pattern.js';
import type { CompiledRule } from './compiled-rule.js';

/** Fewer rules are asked one by one. */
const FEWEST = 4;
/** A list for each value repeats the rules that do not look at the field. */
const MOST_REPEATED = 100_000;

type Value = string | number | boolean;

/** The values that a pattern is equal to; undefined where it is more than equality. */
const valuesOf = (pattern: Pattern | undefined): Value[] | undefined => {
  const list = [pattern].flat();
  const isValue = (value: unknown): value is Value =>
    typeof value === 'number' || typeof value === 'boolean' || (typeof value === 'string' && !isTypeGlob(value));
  return list.every(isValue) ? list : undefined;
};

/** What lasts is ended by events that do not match, so such a rule is always asked. */
const fieldsOf = ({ rule, sustained }: CompiledRule): [string, Value[]][] =>
  sustained
    ? []
    : Object.entries(rule.match ?? {}).flatMap(([field, pattern]): [string, Value[]][] => {
        const values = valuesOf(pattern);
        return values ? [[field, values]] : [];
      });

/** The rules of one type that an event may match, found by the field that most of them compare with a value. */
export const buckets = (rules: readonly CompiledRule[]): ((event: Event) => readonly CompiledRule[]) => {
  const all = (): readonly CompiledRule[] => rules;
  if (rules.length < FEWEST) return all;
  const counts = new Map<string, number>();
  for (const rule of rules) for (const [field] of fieldsOf(rule)) counts.set(field, (counts.get(field) ?? 0) + 1);
  const [field, count] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? ['', 0];
  if (count < FEWEST) return all;

  const wanted = rules.map((rule) => fieldsOf(rule).find(([name]) => name === field)?.[1]);
  const others = rules.filter((_, index) => wanted[index] === undefined);
  const byValue = new Map<Value, CompiledRule[]>();
  const values = new Set(wanted.flatMap((list) => list ?? []));
  if (values.size * others.length > MOST_REPEATED) return all;
  for (const value of values) byValue.set(value, []);
  for (const [index, rule] of rules.entries())
    for (const value of wanted[index] ?? (others.length > 0 ? values : [])) byValue.get(value)!.push(rule);
  const read = compilePath(field);
  return (event) => {
    const value = read(event);
    // A list fits when one of its members does.
    if (Array.isArray(value)) return rules;
    return byValue.get(value as Value) ?? others;
  };
};
