import { readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { ConductorError, formatPosition, toConductorError, type Position } from '../../core/errors.js';
import type { RuleTest } from '../../core/rule.js';
import { emptyView, fold } from '../../ledger/fold.js';
import { compileTable } from '../../router/compile.js';
import { runRuleTest, type RuleTestResult } from '../../router/rule-tests.js';
import { loadTableWhole, type TableOptions } from './load.js';

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const fixtureOf = (path: string): unknown => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new ConductorError('invalid_file', `it cannot be read: ${cause instanceof Error ? cause.message : ''}`, {
      cause,
    });
  }
};

/** A fixture is an event, or a list of them, as JSON beside the rule file. */
const givenOf = (given: RuleTest['given'], file: string): readonly Record<string, unknown>[] => {
  if (typeof given !== 'string') return [given].flat();
  try {
    const events = [fixtureOf(resolve(dirname(file), given))].flat();
    if (events.length > 0 && events.every(isObject)) return events;
    throw new ConductorError('invalid_file', 'it holds no event: an object, or a list of them');
  } catch (cause) {
    throw new ConductorError('invalid_file', `the fixture ${given}: ${toConductorError(cause).message}`, { cause });
  }
};

const nameOf = ({ name, given }: RuleTest, index: number): string =>
  name ?? (typeof given === 'string' ? given : `example ${index + 1}`);

interface Result extends RuleTestResult, Position {}

const lineOf = ({ ok, rule, name, detail, ...position }: Result): string => {
  if (ok) return `ok   ${rule}: ${name}\n`;
  const file = relative('.', position.file);
  return `FAIL ${rule}: ${name}: ${detail} (${formatPosition({ ...position, file })})\n`;
};

/** Runs the examples that stand in the rule files; the exit code is 2 when one is not as it says. */
export const testRules = async (
  ids: readonly string[],
  options: TableOptions & { json?: boolean },
): Promise<number> => {
  const { table, placed } = await loadTableWhole(options);
  const unknown = ids.find((id) => !placed.some(({ rule }) => rule.id === id));
  if (unknown !== undefined) throw new ConductorError('not_found', `there is no rule "${unknown}"`);
  const compiled = compileTable(table);
  const results: Result[] = [];
  for (const { rule, file, examples } of placed.filter((one) => ids.length === 0 || ids.includes(one.rule.id)))
    for (const [index, test] of (rule.tests ?? []).entries()) {
      const name = nameOf(test, index);
      let result: RuleTestResult;
      try {
        const given = givenOf(test.given, file);
        result = runRuleTest(compiled, rule, { name, given, expect: test.expect }, { view: emptyView(), fold });
      } catch (error) {
        result = { rule: rule.id, name, ok: false, detail: toConductorError(error).message };
      }
      results.push({ ...result, ...examples[index]! });
    }
  const failed = results.filter(({ ok }) => !ok);
  if (options.json) {
    process.stdout.write(
      `${JSON.stringify({ tests: results, passed: results.length - failed.length, failed: failed.length }, null, 2)}\n`,
    );
  } else {
    for (const result of results) process.stdout.write(lineOf(result));
    process.stdout.write(`${results.length - failed.length} of ${results.length} examples are as they say\n`);
  }
  return failed.length === 0 ? 0 : 2;
};
