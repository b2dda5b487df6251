import type { ASTNode } from '@marcbachmann/cel-js';

const MACROS = new Set(['all', 'exists', 'exists_one', 'filter', 'map']);
/** They read all of their text. */
const READING = new Set(['contains', 'join', 'indexOf', 'lastIndexOf', 'size', 'lowerAscii', 'upperAscii', 'trim']);
/** They read all of it and make a list or more text of it. */
const SPLITTING = new Set(['split', 'bytes', 'string', 'json', 'hex', 'base64']);
/** Worth so many steps: they read a time, or look a time zone up. */
const PARSING: Readonly<Record<string, number>> = { timestamp: 5, duration: 5 };
const ZONED = 600;

/** So many parts of a condition may be looked at, loops included: each takes 25 to 300 ns. */
export const MOST_STEPS = 36_000;
/** A text is read at this many characters a step, at 1 to 8 ns each. */
const CHARACTERS = 32;

/** So many steps all patterns of a condition may have together: compiling takes microseconds each. */
export const MOST_PATTERN = 3_000;

/** Characters times steps that all `re` of one evaluation may look at together, at 15 to 65 ns each. */
export const MOST_LOOKS = 250_000;

/** By how deep in loops they stand: so many steps, and so many readings of a text. */
export interface Shape {
  steps: readonly number[];
  readings: readonly number[];
  /** Length of the longest list written in the expression. */
  written: number;
  /** What joining lists or texts may make of one. */
  additions: number;
  /** Texts count as lists, because something walks through them. */
  texts: boolean;
}

const isNode = (value: unknown): value is ASTNode => typeof value === 'object' && value !== null && 'op' in value;

const childrenOf = (node: ASTNode): ASTNode[] => {
  const { args } = node as { args: unknown };
  return (Array.isArray(args) ? (args.flat(3) as unknown[]) : [args]).filter(isNode);
};

/** `visit` sees every node once. */
export const walk = (node: ASTNode, visit: (node: ASTNode) => void): void => {
  visit(node);
  for (const child of childrenOf(node)) walk(child, visit);
};

export const callOf = (node: ASTNode): string | undefined =>
  node.op === 'call' ? node.args[0] : node.op === 'rcall' ? node.args[0] : undefined;

const count = (counts: number[], depth: number, times = 1): void => {
  while (counts.length <= depth) counts.push(0);
  counts[depth]! += times;
};

/** `at.getHours("Europe/Berlin")`. */
const isZoned = (node: ASTNode, call: string): boolean =>
  node.op === 'rcall' && call.startsWith('get') && node.args[2].length > 0;

export const shapeOf = (ast: ASTNode): Shape => {
  const steps: number[] = [];
  const readings: number[] = [];
  let written = 1;
  let additions = 1;
  let texts = false;
  const visit = (node: ASTNode, depth: number): void => {
    count(steps, depth);
    if (node.op === 'list' || node.op === 'map') written = Math.max(written, node.args.length);
    if (node.op === '+') additions += 1;
    // In a list it is looked for one by one.
    if (node.op === 'in') count(steps, depth + 1);
    const call = callOf(node) ?? '';
    count(steps, depth, isZoned(node, call) ? ZONED : Object.hasOwn(PARSING, call) ? PARSING[call] : 0);
    if (READING.has(call) || SPLITTING.has(call)) count(readings, depth);
    texts ||= SPLITTING.has(call);
    const isLoop = node.op === 'rcall' && MACROS.has(call);
    if (!isLoop) for (const child of childrenOf(node)) visit(child, depth);
    else {
      // What it goes through is made once, the rest each turn.
      const [range, ...each] = childrenOf(node);
      if (range) visit(range, depth);
      for (const child of each) visit(child, depth + 1);
    }
  };
  visit(ast, 0);
  return { steps, readings, written, additions, texts };
};

/** True where what the event holds cannot make it slow. */
export const isShort = ({ steps, readings }: Shape): boolean =>
  steps.length === 1 && readings.length === 0 && steps[0]! <= MOST_STEPS;

interface Longest {
  list: number;
  text: number;
}

/** False where there is more than may be looked at. */
const measure = (value: unknown, longest: Longest, left: { members: number }): boolean => {
  if (typeof value === 'string') {
    longest.text = Math.max(longest.text, value.length);
    return true;
  }
  if (value === null || typeof value !== 'object') return true;
  const members: unknown[] = Array.isArray(value) ? value : Object.values(value);
  longest.list = Math.max(longest.list, members.length);
  left.members -= members.length;
  return left.members >= 0 && members.every((member) => measure(member, longest, left));
};

const sumOf = (counts: readonly number[], length: number): number =>
  counts.reduceRight((sum, one) => sum * length + one, 0);

/** The steps that evaluating may take at the most. */
export const stepsOf = ({ steps, readings, written, additions, texts }: Shape, values: unknown): number => {
  const longest: Longest = { list: 1, text: 1 };
  if (!measure(values, longest, { members: MOST_STEPS })) return Infinity;
  const text = longest.text * additions;
  const list = Math.max(longest.list, written, texts ? text : 1) * additions;
  return sumOf(steps, list) + sumOf(readings, list) * Math.ceil(text / CHARACTERS);
};
