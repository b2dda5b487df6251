import type { ASTNode } from '@marcbachmann/cel-js';

const MACROS = new Set(['all', 'exists', 'exists_one', 'filter', 'map']);
/** They read all of their text or list, so that inside a macro they are a loop in a loop. */
const LINEAR_CALLS = new Set(['re', 'contains', 'join', 'split', 'indexOf', 'lastIndexOf', 'size']);

/** So many turns of all loops together; a turn takes well under a microsecond. */
export const MOST_TURNS = 50_000;

/** So many steps all patterns of a condition may have together: compiling takes microseconds each. */
export const MOST_STEPS = 3_000;

/** Characters times steps that one `re` may look at. */
export const MOST_LOOKS = 2_000_000;

export interface Shape {
  /** Loops within loops. */
  nesting: number;
  /** Length of the longest list written in the expression, times what joining lists may add. */
  written: number;
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

const nestingOf = (node: ASTNode, inMacro: boolean): number => {
  const call = callOf(node);
  const macro = node.op === 'rcall' && call !== undefined && MACROS.has(call);
  const linear = inMacro && (node.op === 'in' || (call !== undefined && LINEAR_CALLS.has(call)));
  const below = childrenOf(node).map((child) => nestingOf(child, inMacro || macro));
  return Math.max(0, ...below) + (macro || linear ? 1 : 0);
};

export const shapeOf = (ast: ASTNode): Shape => {
  let longest = 1;
  let additions = 1;
  let texts = false;
  walk(ast, (node) => {
    if (node.op === 'list' || node.op === 'map') longest = Math.max(longest, node.args.length);
    if (node.op === '+') additions += 1;
    const call = callOf(node);
    if (call === 're' || call === 'split') texts = true;
  });
  return { nesting: nestingOf(ast, false), written: longest * additions, texts };
};

const longestIn = (value: unknown, texts: boolean): number => {
  if (typeof value === 'string') return texts ? value.length : 1;
  if (value === null || typeof value !== 'object') return 1;
  const members: unknown[] = Array.isArray(value) ? value : Object.values(value);
  let longest = members.length;
  for (const member of members) longest = Math.max(longest, longestIn(member, texts));
  return longest;
};

/** The turns that evaluating may take at the most. */
export const turnsOf = (shape: Shape, values: unknown): number =>
  (longestIn(values, shape.texts) * shape.written) ** shape.nesting;
