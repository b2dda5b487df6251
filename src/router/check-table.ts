import { compileCondition } from '../core/condition.js';
import { ConductorError } from '../core/errors.js';
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
}

/**
 * Checks every file against the schema and against the others: ids once, handlers known (where they are given), conditions that parse.
 * @throws ConductorError `invalid_file`, with file, line, column and field, for the first thing that is wrong.
 */
export const checkTable = (files: readonly RuleFile[], handlers: readonly string[] | undefined): PlacedRule[] => {
  const placed: PlacedRule[] = [];
  const known = handlers && new Set(handlers);
  const ids = new Map<string, string>();
  for (const { file, text } of files) {
    const { value, locate } = readYamlFile(file, text, ruleFileSchema, KNOWN_KEYS);
    for (const [index, rule] of value.rules.entries()) {
      const refuse = (field: string, message: string): never => {
        throw new ConductorError('invalid_file', `rule "${rule.id}": ${message}`, {
          position: locate(['rules', index, field]),
        });
      };
      const other = ids.get(rule.id);
      if (other !== undefined) refuse('id', `the id is used twice (also in ${other})`);
      ids.set(rule.id, file);
      if (known && !known.has(rule.do)) {
        const near = nearest(rule.do, [...known]);
        refuse('do', `there is no handler "${rule.do}"${near === undefined ? '' : `; did you mean "${near}"?`}`);
      }
      try {
        if (rule.when !== undefined) compileCondition(rule.when, ['event']);
      } catch (error) {
        refuse('when', error instanceof Error ? error.message : String(error));
      }
      placed.push({ rule, file });
    }
  }
  return placed;
};
