import { Environment, type ASTNode, type ParseResult } from '@marcbachmann/cel-js';
import { RE2JS } from 're2js';
import { MOST_LOOKS, MOST_PATTERN, MOST_STEPS, callOf, isShort, shapeOf, stepsOf, walk } from './condition-cost.js';
import { ConductorError } from './errors.js';
import { getPath } from './match.js';

export type Values = Readonly<Record<string, unknown>>;

/** A CEL expression, parsed once. Numbers of events are doubles: write `3.0` in arithmetic. Gives plain JSON. */
export type Expression = (variables: Values) => unknown;
export type Condition = (variables: Values) => boolean;

/** Said of an event that is too large for the condition: nothing was evaluated that takes long. */
class TooMuchWork extends ConductorError {
  constructor(why: string) {
    super('bad_request', `too much work: ${why}`);
  }
}

const patterns = new Map<string, RE2JS>();
const patternOf = (pattern: string): RE2JS => {
  let compiled = patterns.get(pattern);
  if (!compiled) {
    if (patterns.size >= 10_000) patterns.clear();
    patterns.set(pattern, (compiled = RE2JS.compile(pattern)));
  }
  return compiled;
};

/** Looks that are left to the evaluation that is going on: one at a time, since none waits for anything. */
let looks = MOST_LOOKS;

const find = (text: string, pattern: string): boolean => {
  const compiled = patternOf(pattern);
  const size = compiled.programSize();
  looks -= text.length * size;
  if (looks < 0) {
    const most = Math.floor(MOST_LOOKS / size);
    throw new TooMuchWork(`re() with this pattern reads at most ${most} characters of an event, not ${text.length}`);
  }
  return compiled.matcher(text).find();
};

const environments = new Map<string, Environment>();
const environmentOf = (variables: readonly string[]): Environment => {
  const key = variables.join();
  let environment = environments.get(key);
  if (!environment) {
    environment = new Environment({
      unlistedVariablesAreDyn: false,
      enableOptionalTypes: true,
      homogeneousAggregateLiterals: false,
      limits: { maxAstNodes: 2_000, maxDepth: 64 },
    });
    for (const name of variables) environment.registerVariable(name, 'dyn');
    environment.registerFunction('re(string, string): bool', find);
    environments.set(key, environment);
  }
  return environment;
};

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '';

const refuse = (expression: string, why: string, cause?: unknown): never => {
  const shown = expression.length > 200 ? `${expression.slice(0, 200)}…` : expression;
  throw new ConductorError('bad_request', `"${shown}" is no valid condition: ${why}`, { cause });
};

const checkCalls = (expression: string, ast: ASTNode): void => {
  let steps = 0;
  walk(ast, (node) => {
    const call = callOf(node);
    if (call === 'matches')
      refuse(expression, '"matches" is not allowed; use re(text, pattern), which is linear in time');
    if (call === 'bind') refuse(expression, '"bind" is not allowed');
    if (node.op !== 'call' || call !== 're') return;
    const pattern = node.args[1][1];
    if (pattern?.op !== 'value' || typeof pattern.args !== 'string')
      return refuse(expression, 'the pattern of re(text, pattern) is a text in quotes, not computed');
    try {
      steps += patternOf(pattern.args).programSize();
    } catch (error) {
      refuse(expression, `re(): ${firstLine(error)}`, error);
    }
    if (steps > MOST_PATTERN) refuse(expression, `its patterns are too large: ${steps} steps, at most ${MOST_PATTERN}`);
  });
};

const parse = (expression: string, variables: readonly string[]): { program: ParseResult; type: string } => {
  let program: ParseResult;
  try {
    program = environmentOf(variables).parse(expression);
  } catch (error) {
    const at = (error as { range?: { start: number } }).range?.start;
    return refuse(expression, `${firstLine(error)}${at === undefined ? '' : ` (at character ${at + 1})`}`, error);
  }
  checkCalls(expression, program.ast);
  const checked = program.check();
  if (!checked.valid) refuse(expression, firstLine(checked.error), checked.error);
  return { program, type: checked.type ?? 'dyn' };
};

const plain = (value: unknown): unknown => {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, inner]) => [String(key), plain(inner)]));
  if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  return value;
};

/** Evaluates within a bound: what would take too long throws. */
const bounded = (program: ParseResult): Expression => {
  const shape = shapeOf(program.ast);
  const evaluate = (values: Values): unknown => {
    looks = MOST_LOOKS;
    return program(values);
  };
  if (isShort(shape)) return evaluate;
  return (values) => {
    if (stepsOf(shape, values) > MOST_STEPS)
      throw new TooMuchWork(
        'lists or texts as long as those of this event, gone through as often as the condition says',
      );
    return evaluate(values);
  };
};

/** As `compileCondition`, for any value. */
export const compileExpression = (expression: string, variables: readonly string[]): Expression => {
  const evaluate = bounded(parse(expression, variables).program);
  return (values) => plain(evaluate(values));
};

/**
 * Parsed and type-checked once. Evaluating throws where a key is missing, types do not fit, or it would take too long.
 * @throws ConductorError `bad_request` when the expression is wrong, or uses `matches`, which backtracks;
 *   `re(text, pattern)` is the same in linear time.
 */
export const compileCondition = (expression: string, variables: readonly string[]): Condition => {
  const { program, type } = parse(expression, variables);
  if (type !== 'bool' && type !== 'dyn') refuse(expression, `it gives ${type}, not true or false`);
  const evaluate = bounded(program);
  return (values) => {
    const result = evaluate(values);
    if (typeof result !== 'boolean')
      throw new ConductorError('bad_request', `"${expression}" gave ${typeof result}, not true or false`);
    return result;
  };
};

/** A key that the event does not have, as opposed to an expression that is wrong. */
export const isMissingKey = (error: unknown): boolean => (error as { code?: unknown } | null)?.code === 'no_such_key';

/** An event that is too large for the expression. */
export const isTooMuchWork = (error: unknown): boolean =>
  error instanceof TooMuchWork || (error instanceof Error && error.cause instanceof TooMuchWork);

const conjuncts = (node: ASTNode): ASTNode[] =>
  node.op === '&&' ? node.args.flatMap((side) => conjuncts(side)) : [node];

const pathOf = (node: ASTNode): string | undefined => {
  if (node.op === 'id') return node.args;
  if (node.op !== '.' && node.op !== '.?') return undefined;
  const left = pathOf(node.args[0]);
  return left === undefined ? undefined : `${left}.${node.args[1]}`;
};

/** The paths of a node, the longest of each chain only. */
const pathsOf = (node: ASTNode): string[] => {
  const path = pathOf(node);
  if (path !== undefined) return [path];
  const found: string[] = [];
  const { args } = node as { args: unknown };
  for (const child of (Array.isArray(args) ? args.flat(3) : [args]) as unknown[])
    if (typeof child === 'object' && child !== null && 'op' in child) found.push(...pathsOf(child as ASTNode));
  return found;
};

/** What an expression that is right looks at, as `event.data.branch`. */
export const pathsIn = (expression: string, variables: readonly string[]): string[] =>
  pathsOf(parse(expression, variables).program.ast);

export interface FailedClause {
  /** The first part of `a && b && c` that was not true. */
  clause: string;
  /** The values it looked at, by path. */
  actual: Record<string, unknown>;
}

/** Which clause of a condition that was false was the first that failed. */
export const explainCondition = (expression: string, values: Values): FailedClause => {
  const variables = Object.keys(values);
  for (const node of conjuncts(parse(expression, variables).program.ast)) {
    const clause = expression.slice(node.range.start, node.range.end);
    try {
      if (compileCondition(clause, variables)(values)) continue;
    } catch {
      continue;
    }
    const paths = [...new Set(pathsOf(node))].filter((path) => variables.some((name) => path.startsWith(`${name}.`)));
    return { clause, actual: Object.fromEntries(paths.map((path) => [path, getPath(values, path)])) };
  }
  return { clause: expression, actual: {} };
};
