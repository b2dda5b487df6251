import { compileCondition, compileExpression, type Condition, type Expression } from '../core/condition.js';
import { VARIABLE_NAMES, forCondition, type Variables } from './scope.js';

const conditions = new Map<string, Condition>();
const expressions = new Map<string, Expression>();

/** @throws ConductorError when it gives anything but true or false, or names what is not there. */
export const holds = (expression: string, variables: Variables): boolean => {
  let condition = conditions.get(expression);
  if (!condition) conditions.set(expression, (condition = compileCondition(expression, VARIABLE_NAMES)));
  return condition(forCondition(variables));
};

export const evaluate = (expression: string, variables: Variables): unknown => {
  let compiled = expressions.get(expression);
  if (!compiled) expressions.set(expression, (compiled = compileExpression(expression, VARIABLE_NAMES)));
  return compiled(forCondition(variables));
};
