import { mkdir, readFile, readdir, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { RuleTable } from '../core/rule.js';

export interface TableStore {
  keep(table: RuleTable): Promise<void>;
  find(hash: string): Promise<RuleTable | undefined>;
  /** The one that was kept last: in force now, or when the service ended. */
  last(): Promise<RuleTable | undefined>;
}

/** Rules that are written out at once. */
const MOST_WRITTEN = 500;

/** As JSON, in short pieces: a large table stops nobody. */
const textOf = async ({ hash, rules }: RuleTable): Promise<string> => {
  const texts: string[] = [];
  for (const [index, rule] of rules.entries()) {
    texts.push(JSON.stringify(rule));
    if (index % MOST_WRITTEN === MOST_WRITTEN - 1) await setImmediate();
  }
  return `{"hash":${JSON.stringify(hash)},"rules":[${texts.join()}]}`;
};

/** Each table that was in force, by its hash, a file each. They explain old decisions; nothing depends on them. */
export const openTableStore = (folder: string): TableStore => {
  const names = async (): Promise<string[]> =>
    (await readdir(folder).catch(() => [])).filter((name) => /^[0-9a-f]{16}\.json$/.test(name));
  const find = async (hash: string): Promise<RuleTable | undefined> => {
    if (!/^[0-9a-f]{16}$/.test(hash)) return undefined;
    try {
      return JSON.parse(await readFile(join(folder, `${hash}.json`), 'utf8')) as RuleTable;
    } catch {
      return undefined;
    }
  };
  return {
    async keep(table) {
      const file = join(folder, `${table.hash}.json`);
      const now = new Date();
      // Of tables that come back the file's time says which is in force.
      if ((await names()).includes(`${table.hash}.json`)) return utimes(file, now, now);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeFile(`${file}.${process.pid}.tmp`, await textOf(table), { mode: 0o600 });
      await rename(`${file}.${process.pid}.tmp`, file);
    },
    find,
    async last() {
      const kept = await Promise.all(
        (await names()).map(async (name) => ({ name, at: (await stat(join(folder, name))).mtimeMs })),
      );
      const newest = kept.sort((a, b) => b.at - a.at)[0];
      return newest && find(newest.name.slice(0, 16));
    },
  };
};
