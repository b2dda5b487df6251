import { loadChecked, type TableOptions } from './load.js';

export const checkRules = async (options: TableOptions & { json?: boolean }): Promise<void> => {
  const { table, handlers, folder } = await loadChecked(options);
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ folder, table: table.hash, rules: table.rules.length, handlers })}\n`
      : `${table.rules.length} rules and ${handlers} handlers are good (table ${table.hash})\n`,
  );
};
