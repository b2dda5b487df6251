import { readFileSync } from 'node:fs';
import { LineCounter, isMap, isScalar, isSeq, parseDocument, stringify, type Node } from 'yaml';
import { DURATION } from '../../core/schema-parts.js';
import { formatDuration } from '../../core/duration.js';
import { formatPath } from '../../core/yaml-document.js';
import { configJsonSchema, ENVIRONMENT, type LoadedConfig } from '../load-config.js';
import { printTable } from '../table.js';

interface Schema {
  description?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  anyOf?: Schema[];
}

/** The configuration as it would be written: durations are texts again. */
const written = (value: unknown, schema: Schema | undefined): unknown => {
  if (typeof value === 'number' && schema?.description === DURATION) return formatDuration(value);
  if (Array.isArray(value)) return value.map((one) => written(one, schema?.items));
  if (value === null || typeof value !== 'object') return value;
  const known = schema?.anyOf?.find((one) => one.properties) ?? schema;
  const rest = typeof known?.additionalProperties === 'object' ? known.additionalProperties : undefined;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .map(([key, inner]) => [key, written(inner, known?.properties?.[key] ?? rest)]),
  );
};

const leaves = (value: unknown, path: PropertyKey[] = []): { path: PropertyKey[]; value: unknown }[] => {
  const entries = Array.isArray(value)
    ? [...value.entries()]
    : value !== null && typeof value === 'object'
      ? Object.entries(value)
      : [];
  return entries.length === 0
    ? [{ path, value }]
    : entries.flatMap(([key, inner]) => leaves(inner, [...path, key] as PropertyKey[]));
};

/** The line of every value that the file itself holds, by its path. */
const linesOf = (file: string): Map<string, number> => {
  const counter = new LineCounter();
  const document = parseDocument(readFileSync(file, 'utf8'), { lineCounter: counter });
  const lines = new Map<string, number>();
  const walk = (node: Node | null, path: PropertyKey[]): void => {
    if (node?.range) lines.set(formatPath(path), counter.linePos(node.range[0]).line);
    if (isMap(node)) {
      for (const { key, value } of node.items)
        walk(value as Node | null, [...path, String(isScalar(key) ? key.value : key)]);
    } else if (isSeq(node)) {
      for (const [index, item] of node.items.entries()) walk(item as Node | null, [...path, index]);
    }
  };
  walk(document.contents, []);
  return lines;
};

export const effective = (loaded: LoadedConfig): unknown => written(loaded.config, configJsonSchema() as Schema);

/** Each value with where it was said: a variable, a line of the file, or the default. */
export const originsOf = (loaded: LoadedConfig): { key: string; value: unknown; origin: string }[] => {
  const { file } = loaded;
  const lines = file === undefined ? new Map<string, number>() : linesOf(file);
  const variables = new Map(
    Object.entries(ENVIRONMENT)
      .filter(([name]) => process.env[name])
      .map(([name, key]) => [`defaults.${key}`, name]),
  );
  return leaves(effective(loaded)).map(({ path, value }) => {
    const key = formatPath(path);
    const line = lines.get(key);
    const origin = variables.get(key) ?? (line === undefined ? 'default' : `${file}:${line}`);
    return { key, value, origin };
  });
};

export const showConfig = (loaded: LoadedConfig, options: { origin?: boolean; json?: boolean }): void => {
  if (options.origin) {
    printTable(
      originsOf(loaded),
      [
        { title: 'key', of: (row) => row.key },
        { title: 'value', of: (row) => (typeof row.value === 'string' ? row.value : JSON.stringify(row.value)) },
        { title: 'origin', of: (row) => row.origin },
      ],
      { json: options.json, name: 'values' },
    );
    return;
  }
  const config = effective(loaded);
  process.stdout.write(
    options.json ? `${JSON.stringify({ file: loaded.file, config }, null, 2)}\n` : stringify(config),
  );
};
