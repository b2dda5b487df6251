import { Environment } from '@marcbachmann/cel-js';
import { RE2JS } from 're2js';
import { ConductorError } from './errors.js';

/** A CEL expression, parsed once. Numbers of events are doubles: write `3.0`. */
export type Expression = (variables: Readonly<Record<string, unknown>>) => unknown;
export type Condition = (variables: Readonly<Record<string, unknown>>) => boolean;

const plain = (value: unknown): unknown => {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, inner]) => [String(key), plain(inner)]));
  if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  return value;
};

/**
 * Gives plain JSON values.
 * @throws ConductorError `bad_request` when the expression does not parse, or uses `matches`, which backtracks;
 *   `re(text, pattern)` is the same in linear time.
 */
export const compileExpression = (expression: string, variables: readonly string[]): Expression => {
  const environment = new Environment({
    unlistedVariablesAreDyn: false,
    enableOptionalTypes: true,
    homogeneousAggregateLiterals: false,
  });
  for (const name of variables) environment.registerVariable(name, 'dyn');
  environment.registerFunction('re(string, string): bool', (text: string, pattern: string) =>
    RE2JS.compile(pattern).matcher(text).find(),
  );
  if (/\bmatches\s*\(/.test(expression)) {
    throw new ConductorError(
      'bad_request',
      `"matches" is not allowed in "${expression}"; use re(text, pattern), which is linear in time`,
    );
  }
  let program: ReturnType<Environment['parse']>;
  try {
    program = environment.parse(expression);
  } catch (error) {
    throw new ConductorError(
      'bad_request',
      `"${expression}" is no valid condition: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`,
      { cause: error },
    );
  }
  return (values) => plain(program({ ...values }));
};

/** An expression that must give true or false. */
export const compileCondition = (expression: string, variables: readonly string[]): Condition => {
  const compiled = compileExpression(expression, variables);
  return (values) => {
    const result = compiled(values);
    if (typeof result !== 'boolean')
      throw new ConductorError('bad_request', `"${expression}" gave ${typeof result}, not true or false`);
    return result;
  };
};
