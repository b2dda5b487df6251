import { mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RuleTable } from '../core/rule.js';

export interface TableStore {
  keep(table: RuleTable): Promise<void>;
  find(hash: string): Promise<RuleTable | undefined>;
}

/** Each table that was in force, by its hash, a file each. They explain old decisions; nothing depends on them. */
export const openTableStore = (folder: string): TableStore => {
  const names = async (): Promise<string[]> =>
    (await readdir(folder).catch(() => [])).filter((name) => /^[0-9a-f]{16}\.json$/.test(name));
  return {
    async keep(table) {
      const known = await names();
      if (known.includes(`${table.hash}.json`)) return;
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const file = join(folder, `${table.hash}.json`);
      await writeFile(`${file}.${process.pid}.tmp`, JSON.stringify(table), { mode: 0o600 });
      await rename(`${file}.${process.pid}.tmp`, file);
    },
    async find(hash) {
      if (!/^[0-9a-f]{16}$/.test(hash)) return undefined;
      try {
        return JSON.parse(await readFile(join(folder, `${hash}.json`), 'utf8')) as RuleTable;
      } catch {
        return undefined;
      }
    },
  };
};
