import { compileCondition, pathsIn } from '../core/condition.js';
import { ConductorError, type Position } from '../core/errors.js';
import { isReservedGlob } from '../core/event-type.js';
import type { Failure } from '../core/failure.js';
import { unknownParameter, type HandlerSignature } from '../core/parameters.js';
import { wrongEventPath } from '../core/pattern.js';
import { KNOWN_KEYS, ruleFileSchema, type Rule } from '../core/rule.js';
import { nearest, readYamlFile } from '../core/yaml-document.js';

export interface RuleFile {
  /** As it is named in messages. */
  file: string;
  text: string;
}

/** A rule and the file it stands in: its fixtures are beside it. */
export interface PlacedRule {
  rule: Rule;
  file: string;
  /** Where each of its examples stands. */
  examples: readonly Position[];
}

/** What the thread that checks is asked, and what it says of each file. */
export interface CheckOrder {
  files: readonly RuleFile[];
  handlers: readonly HandlerSignature[] | undefined;
}
export type CheckAnswer = { placed: PlacedRule[] } | { failure: Failure };

/** Checks files one after the other: each against the schema and against those before it, handlers where they are given, conditions. */
export const openCheck = (handlers: readonly HandlerSignature[] | undefined): ((file: RuleFile) => PlacedRule[]) => {
  const known = handlers && new Map(handlers.map((handler) => [handler.name, handler]));
  const ids = new Map<string, string>();
  return ({ file, text }) => {
    const { value, locate } = readYamlFile(file, text, ruleFileSchema, KNOWN_KEYS);
    return value.rules.map((rule, index) => {
      const refuse = (field: string, message: string, key?: string): never => {
        throw new ConductorError('invalid_file', `rule "${rule.id}": ${message}`, {
          position: locate(['rules', index, field], key),
        });
      };
      const other = ids.get(rule.id);
      if (other !== undefined) refuse('id', `the id is used twice (also in ${other})`);
      ids.set(rule.id, file);
      const glob = rule.on.find(isReservedGlob);
      if (glob !== undefined) refuse('on', `"${glob}" fits nothing: reserved types are named one by one, as RUN_STOP`);
      if (known && !known.has(rule.do)) {
        const near = nearest(rule.do, [...known.keys()]);
        refuse('do', `there is no handler "${rule.do}"${near === undefined ? '' : `; did you mean "${near}"?`}`);
      }
      const handler = rule.with && known?.get(rule.do);
      const wrong = handler && unknownParameter(handler, rule.with!);
      if (wrong) refuse('with', wrong.message, wrong.parameter);
      try {
        if (rule.when !== undefined) compileCondition(rule.when, ['event']);
      } catch (error) {
        refuse('when', error instanceof Error ? error.message : String(error));
      }
      for (const path of rule.when === undefined ? [] : pathsIn(rule.when, ['event'])) {
        const wrong = wrongEventPath(path);
        if (wrong !== undefined) refuse('when', wrong);
      }
      const examples = (rule.tests ?? []).map((_test, at) => locate(['rules', index, 'tests', at]));
      return { rule, file, examples };
    });
  };
};

/** @throws ConductorError `invalid_file`, with file, line, column and field, for the first thing that is wrong. */
export const checkTable = (
  files: readonly RuleFile[],
  handlers: readonly HandlerSignature[] | undefined,
): PlacedRule[] => files.flatMap(openCheck(handlers));
