import type { Command } from 'commander';

export const register = (program: Command): void => {
  const rules = program.command('rules').description('the rule table');
  rules
    .command('check')
    .description('checks rules and handlers without starting anything')
    .option('--rules <folder>', 'the rule table', 'rules')
    .option('--handlers <folder>', 'the handlers', 'handlers')
    .action(async (options: { rules: string; handlers: string }) => {
      const { loadHandlers } = await import('../../pipeline/load.js');
      const { loadRuleTable } = await import('../../router/rule-table.js');
      const handlers = await loadHandlers(options.handlers);
      const table = await loadRuleTable(options.rules, (name) => handlers.some((handler) => handler.name === name));
      process.stdout.write(
        `${table.rules.length} rules and ${handlers.length} handlers are good (table ${table.hash})\n`,
      );
    });
};
