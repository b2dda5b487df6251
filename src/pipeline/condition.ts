import { compileCondition, compileExpression, type Condition, type Expression } from '../core/condition.js';
import { ConductorError } from '../core/errors.js';
import { VARIABLE_NAMES, forCondition, type Variables } from './scope.js';

const conditions = new Map<string, Condition>();
const expressions = new Map<string, Expression>();

/** What is wrong with it stays wrong. */
const permanently = <Result>(evaluated: () => Result): Result => {
  try {
    return evaluated();
  } catch (cause) {
    if (cause instanceof ConductorError) throw cause;
    throw new ConductorError('bad_request', cause instanceof Error ? cause.message : String(cause), { cause });
  }
};

/** @throws ConductorError `bad_request` when it gives anything but true or false, or names what is not there. */
export const holds = (expression: string, variables: Variables): boolean => {
  let condition = conditions.get(expression);
  if (!condition) conditions.set(expression, (condition = compileCondition(expression, VARIABLE_NAMES)));
  const found = condition;
  return permanently(() => found(forCondition(variables)));
};

export const evaluate = (expression: string, variables: Variables): unknown => {
  let compiled = expressions.get(expression);
  if (!compiled) expressions.set(expression, (compiled = compileExpression(expression, VARIABLE_NAMES)));
  const found = compiled;
  return permanently(() => found(forCondition(variables)));
};
