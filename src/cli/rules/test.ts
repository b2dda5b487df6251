import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ConductorError } from '../../core/errors.js';
import type { RuleTest } from '../../core/rule.js';
import { emptyView, fold } from '../../ledger/fold.js';
import { compileTable } from '../../router/compile.js';
import { runRuleTest, type RuleTestResult } from '../../router/rule-tests.js';
import { loadChecked, type TableOptions } from './load.js';

/** A fixture is an event, or a list of them, as JSON beside the rule file. */
const givenOf = (given: RuleTest['given'], file: string, rule: string): readonly Record<string, unknown>[] => {
  if (typeof given !== 'string') return [given].flat();
  const path = resolve(dirname(file), given);
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return [value].flat() as Record<string, unknown>[];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConductorError('invalid_file', `rule "${rule}": the fixture ${given} cannot be read: ${why}`, {
      cause: error,
      position: { file },
    });
  }
};

const nameOf = ({ name, given }: RuleTest, index: number): string =>
  name ?? (typeof given === 'string' ? given : `example ${index + 1}`);

/** Runs the examples that stand in the rule files; the exit code is 2 when one is not as it says. */
export const testRules = async (
  ids: readonly string[],
  options: TableOptions & { json?: boolean },
): Promise<number> => {
  const { table, placed } = await loadChecked(options);
  const unknown = ids.find((id) => !placed.some(({ rule }) => rule.id === id));
  if (unknown !== undefined) throw new ConductorError('not_found', `there is no rule "${unknown}"`);
  const compiled = compileTable(table);
  const results: RuleTestResult[] = [];
  for (const { rule, file } of placed.filter((one) => ids.length === 0 || ids.includes(one.rule.id)))
    for (const [index, test] of (rule.tests ?? []).entries()) {
      const name = nameOf(test, index);
      const given = givenOf(test.given, file, rule.id);
      results.push(runRuleTest(compiled, rule, { name, given, expect: test.expect }, { view: emptyView(), fold }));
    }
  const failed = results.filter(({ ok }) => !ok);
  if (options.json) {
    process.stdout.write(
      `${JSON.stringify({ tests: results, passed: results.length - failed.length, failed: failed.length }, null, 2)}\n`,
    );
  } else {
    for (const { ok, rule, name, detail } of results)
      process.stdout.write(`${ok ? 'ok  ' : 'FAIL'} ${rule}: ${name}${ok ? '' : `: ${detail}`}\n`);
    process.stdout.write(`${results.length - failed.length} of ${results.length} examples are as they say\n`);
  }
  return failed.length === 0 ? 0 : 2;
};
