import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { watch } from 'chokidar';
import { BehaviorSubject, Subject, debounceTime, concatMap, from } from 'rxjs';
import { compileCondition } from '../core/condition.js';
import { ConductorError } from '../core/errors.js';
import type { Log, Rules } from '../core/ports.js';
import { KNOWN_KEYS, ruleFileSchema, type Rule, type RuleTable } from '../core/rule.js';
import { parseYamlFile } from '../core/yaml-document.js';

/** Reads and checks the whole folder; throws `invalid_file` for the first thing that is wrong. */
export const loadRuleTable = async (folder: string, knowsHandler: (name: string) => boolean): Promise<RuleTable> => {
  const names = (await readdir(folder).catch(() => [])).filter((name) => /\.ya?ml$/.test(name)).sort();
  const hash = createHash('sha256');
  const rules: Rule[] = [];
  for (const name of names) {
    const file = join(folder, name);
    const text = await readFile(file, 'utf8');
    hash.update(`${name}\0${text}\0`);
    for (const rule of parseYamlFile(file, text, ruleFileSchema, KNOWN_KEYS).rules) {
      const refuse = (field: string, message: string): never => {
        throw new ConductorError('invalid_file', `rule "${rule.id}": ${message}`, {
          position: { file, ...lineOf(text, rule.id), field },
        });
      };
      if (rules.some((other) => other.id === rule.id)) refuse('id', 'the id is used twice');
      if (!knowsHandler(rule.do)) refuse('do', `there is no handler "${rule.do}"`);
      try {
        if (rule.when !== undefined) compileCondition(rule.when, ['event']);
      } catch (error) {
        refuse('when', error instanceof Error ? error.message : String(error));
      }
      rules.push(rule);
    }
  }
  return { hash: hash.digest('hex').slice(0, 16), rules };
};

const lineOf = (text: string, id: string): { line?: number; column?: number } => {
  const lines = text.split('\n');
  const index = lines.findIndex((line) => new RegExp(`id:\\s*["']?${id}["']?\\s*([,}#]|$)`).test(line));
  return index < 0 ? {} : { line: index + 1, column: lines[index]!.indexOf('id:') + 1 };
};

/** Watches the folder; a bad table is said and leaves the last good one in force. The first table must be good. */
export const openRules = async (folder: string, knowsHandler: (name: string) => boolean, log: Log): Promise<Rules> => {
  const table$ = new BehaviorSubject(await loadRuleTable(folder, knowsHandler));
  const touched = new Subject<void>();
  const watcher = watch(folder, { ignoreInitial: true, depth: 0 });
  watcher.on('all', () => touched.next());
  const reload = async (): Promise<void> => {
    try {
      const table = await loadRuleTable(folder, knowsHandler);
      if (table.hash === table$.value.hash) return;
      log.info(`rules: ${table.rules.length} rules in force`, { table: table.hash });
      table$.next(table);
    } catch (error) {
      log.error(`rules: the table was not changed: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const subscription = touched
    .pipe(
      debounceTime(100),
      concatMap(() => from(reload())),
    )
    .subscribe();
  return {
    get current() {
      return table$.value;
    },
    changes$: table$.asObservable(),
    async close() {
      subscription.unsubscribe();
      await watcher.close();
    },
  };
};
