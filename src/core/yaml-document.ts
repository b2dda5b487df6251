import { LineCounter, parseDocument, isMap, isScalar, visit, type Document } from 'yaml';
import type { z } from 'zod';
import { ConductorError, type Position } from './errors.js';

const MAX_BYTES = 256 * 1024;
const MAX_LINES = 10_000;

/** `['rules', 0, 'on']` → `rules[0].on`. */
export const formatPath = (path: readonly PropertyKey[]): string =>
  path.map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index ? '.' : ''}${String(part)}`)).join('');

const positionAt = (file: string, lines: LineCounter, offset: number | undefined, field?: string): Position => {
  if (offset === undefined) return { file, ...(field ? { field } : {}) };
  const { line, col } = lines.linePos(offset);
  return { file, line, column: col, ...(field ? { field } : {}) };
};

/** The offset of the nearest node that exists on the path; of an unknown key, the key itself. */
const offsetOf = (document: Document, path: readonly PropertyKey[], key?: string): number | undefined => {
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length) as unknown[], true);
    if (key !== undefined && length === path.length && isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === key);
      if (pair && isScalar(pair.key)) return pair.key.range?.[0];
    }
    const range = (node as { range?: [number, number, number] } | undefined)?.range;
    if (range) return range[0];
  }
  return undefined;
};

/** How many letters are missing, too many, wrong, or in the place of their neighbour; for "did you mean". */
const distance = (from: string, to: string): number => {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  let above: number[] = [];
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1));
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1])
        next[j] = Math.min(next[j]!, above[j - 2]! + 1);
    }
    above = row;
    row = next;
  }
  return row[to.length]!;
};

export const nearest = (word: string, known: readonly string[]): string | undefined => {
  const ranked = known
    .filter((name) => name !== word)
    .map((name) => ({ name, score: distance(word, name) }))
    .sort((a, b) => a.score - b.score);
  const best = ranked[0];
  return best && best.score <= Math.max(1, Math.floor(word.length / 3)) ? best.name : undefined;
};

/** A checked file, and where in it each of its fields stands. */
export interface YamlFile<Value> {
  value: Value;
  /** `key`: of what is there, the place of this key. */
  locate: (path: readonly PropertyKey[], key?: string) => Position;
}

const isMissing = (issue: z.core.$ZodIssue | undefined): boolean =>
  (issue?.code === 'invalid_type' && issue.message.endsWith('received undefined')) ||
  (issue?.code === 'invalid_union' && issue.errors.every(([first]) => isMissing(first)));

/** It has keys of another alternative, and not those of this one. */
const isOther = (issues: readonly z.core.$ZodIssue[]): boolean =>
  issues.some(({ code }) => code === 'unrecognized_keys') && issues.some((issue) => isMissing(issue));

/** Of the alternatives of a union the one that was meant: where something deeper, or a key of it, is wrong. */
const specific = (issue: z.core.$ZodIssue): { issue: z.core.$ZodIssue; depth: number } => {
  if (issue.code !== 'invalid_union') return { issue, depth: issue.code === 'unrecognized_keys' ? 1 : 0 };
  let best: { issue: z.core.$ZodIssue; depth: number } = { issue, depth: 0 };
  for (const errors of issue.errors) {
    const other = isOther(errors);
    // A key that is misspelt is also missing: what was written says more than what was not.
    const first = other ? errors.find(({ code }) => code === 'unrecognized_keys') : errors[0];
    if (!first) continue;
    const inner = specific(first);
    const depth = first.path.length + inner.depth - (other ? 0.5 : 0);
    if (depth > best.depth) best = { issue: { ...inner.issue, path: [...issue.path, ...inner.issue.path] }, depth };
  }
  if (best.issue === issue && issue.errors.length > 0 && issue.errors.every(([first]) => isMissing(first)))
    return { issue: { ...issue, message: 'is missing' }, depth: 0 };
  // Else the one that is of the right kind.
  const fitting =
    best.issue === issue ? issue.errors.find(([first]) => first && first.code !== 'invalid_type') : undefined;
  return fitting ? { issue: { ...specific(fitting[0]!).issue, path: issue.path }, depth: 0 } : best;
};

/** `a string or a number`: what each alternative of a union would take. */
const kindsOf = (issue: z.core.$ZodIssue): string[] => {
  if (issue.code === 'invalid_union')
    return [...new Set(issue.errors.flatMap(([first]) => (first ? kindsOf(first) : [])))];
  if (issue.code !== 'invalid_type') return [];
  return [`${/^[aio]/.test(issue.expected) ? 'an' : 'a'} ${issue.expected}`];
};

/** YAML 1.2 knows two words for yes and no. */
const messageOf = (issue: z.core.$ZodIssue): string => {
  const kinds = issue.code === 'invalid_union' && issue.message === 'Invalid input' ? kindsOf(issue) : [];
  if (kinds.length > 0) return `must be ${kinds.join(' or ')}`;
  if (issue.code !== 'invalid_type') return issue.message;
  if (issue.expected === 'boolean') return `${issue.message}; write true or false, without quotes`;
  if (issue.message.endsWith('received null')) return 'is empty';
  return isMissing(issue) ? 'is missing' : issue.message;
};

/** What the parser says to programmers, as a person would. */
const plainly = (message: string): string =>
  message.startsWith('Maximum call stack')
    ? 'it is nested too deeply'
    : message.includes('multiple documents')
      ? 'a second document begins here; a file is one'
      : message;

/** The offset of the first alias. */
const aliasIn = (document: Document): number | undefined => {
  let at: number | undefined;
  try {
    visit(document, {
      Alias: (_key, { range }) => {
        at = range?.[0];
        return visit.BREAK;
      },
    });
  } catch {
    // Nested too deeply for that, too.
  }
  return at;
};

/**
 * Reads one YAML file against its schema. Aliases and merge keys are refused, so a small file stays small.
 * @throws ConductorError `invalid_file` with file, line, column and field.
 */
export const readYamlFile = <Schema extends z.ZodType>(
  file: string,
  text: string,
  schema: Schema,
  knownKeys: readonly string[] | (() => readonly string[]) = [],
): YamlFile<z.output<Schema>> => {
  if (text.length > MAX_BYTES || text.split('\n').length > MAX_LINES) {
    throw new ConductorError('invalid_file', `larger than ${MAX_BYTES} bytes or ${MAX_LINES} lines`, {
      position: { file, line: 1, column: 1 },
    });
  }
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    merge: false,
    strict: true,
    prettyErrors: false,
    logLevel: 'error',
  });
  const problem = document.errors[0];
  if (problem) {
    throw new ConductorError('invalid_file', plainly(problem.message), {
      position: positionAt(file, lines, problem.pos[0]),
    });
  }
  const locate = (path: readonly PropertyKey[], key?: string): Position =>
    positionAt(file, lines, offsetOf(document, path, key) ?? 0, formatPath(key === undefined ? path : [...path, key]));
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 0 });
  } catch (error) {
    const at = aliasIn(document);
    throw new ConductorError(
      'invalid_file',
      at === undefined ? plainly(error instanceof Error ? error.message : String(error)) : 'aliases are not allowed',
      { position: positionAt(file, lines, at ?? 0) },
    );
  }
  const result = schema.safeParse(value ?? {});
  if (result.success) return { value: result.data, locate };
  const { issues } = result.error;
  const { issue } = specific(issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]!);
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const known = typeof knownKeys === 'function' ? knownKeys : (): readonly string[] => knownKeys;
  const suggestion = unknown === undefined ? undefined : nearest(unknown, known());
  const position = locate(issue.path, unknown);
  const message =
    unknown === undefined
      ? `${position.field || 'the file'}: ${messageOf(issue)}`
      : `unknown key "${unknown}"${suggestion ? `; did you mean "${suggestion}"?` : ''}`;
  throw new ConductorError('invalid_file', message, { position });
};

/** As `readYamlFile`, where the positions of good fields are not needed. */
export const parseYamlFile = <Schema extends z.ZodType>(
  file: string,
  text: string,
  schema: Schema,
  knownKeys: readonly string[] | (() => readonly string[]) = [],
): z.output<Schema> => readYamlFile(file, text, schema, knownKeys).value;
