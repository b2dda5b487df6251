import { sayBroken } from '../say-broken.js';
import { loadGood, type TableOptions } from './load.js';

/** Says the first thing that is wrong in each file. Gives the exit code. */
export const checkRules = async (options: TableOptions & { json?: boolean }): Promise<number> => {
  const { table, handlers, folder, broken } = await loadGood(options);
  sayBroken(broken);
  if (options.json) {
    const errors = broken.map(({ code, message, position }) => ({ code, message, ...position }));
    process.stdout.write(
      `${JSON.stringify({ folder, table: table.hash, rules: table.rules.length, handlers, errors })}\n`,
    );
  } else if (broken.length === 0)
    process.stdout.write(`${table.rules.length} rules and ${handlers} handlers are good (table ${table.hash})\n`);
  return broken[0]?.exit ?? 0;
};
