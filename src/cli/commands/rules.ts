import { Option, type Command } from 'commander';
import { jsonOption, rootOption } from '../options.js';
import type { SimulateOptions } from '../rules/simulate.js';
import type { SwitchOptions } from '../rules/switch.js';

interface Options {
  root: string;
  rules: string;
  handlers: string;
  json?: boolean;
}

const withTable = (command: Command): Command =>
  command
    .addOption(new Option('--rules <folder>', 'the rule table').default('rules'))
    .addOption(new Option('--handlers <folder>', 'the handlers').default('handlers'));

export const register = (program: Command): void => {
  const rules = program
    .command('rules')
    .description('the rule table: who answers which event, and why it did or did not');

  withTable(rules.command('list').description('every rule, whether it is on, and what holds it back'))
    .addOption(rootOption())
    .addOption(jsonOption())
    .action(async (options: Options) => (await import('../rules/list.js')).listRules(options));

  withTable(rules.command('check').description('checks rules and handlers without starting anything'))
    .addOption(jsonOption())
    .action(async (options: Options) => {
      process.exitCode = await (await import('../rules/check.js')).checkRules(options);
    });

  withTable(rules.command('test').description('runs the examples that stand in the rule files'))
    .argument('[rule...]', 'only these')
    .addOption(jsonOption())
    .action(async (ids: string[], options: Options) => {
      process.exitCode = await (await import('../rules/test.js')).testRules(ids, options);
    });

  withTable(rules.command('explain').description('what every rule said to one event, and why'))
    .argument('<msg_id>', 'the event')
    .option('--all', 'rules for other types too')
    .addOption(rootOption())
    .addOption(jsonOption())
    .action(async (msg_id: string, options: Options & { all?: boolean }) =>
      (await import('../rules/explain.js')).explainEvent(msg_id, options),
    );

  withTable(rules.command('simulate').description('decides the recorded bus anew, and says what would be different'))
    .option('--since <when>', 'a message id, a duration as 7d, or a date (default: the beginning)')
    .option('--all', 'every decision that differs, not ten of a kind')
    .option('--exit-code', 'end with 1 where a decision differs')
    .addOption(rootOption())
    .addOption(jsonOption())
    .action(async (options: SimulateOptions) => {
      process.exitCode = await (await import('../rules/simulate.js')).simulateRules(options);
    });

  withTable(rules.command('stats').description('how often each rule fired, was held back, or erred'))
    .addOption(rootOption())
    .addOption(jsonOption())
    .action(async (options: Options) => (await import('../rules/list.js')).showStats(options));

  for (const on of [true, false])
    withTable(
      rules
        .command(on ? 'enable' : 'disable')
        .description(`${on ? 'lets a rule answer again' : 'a rule answers no more'}; holds across restarts`),
    )
      .argument('<rule>', 'its id')
      .option('--reason <text>', 'said on the bus')
      .option('--for <duration>', 'only so long, as 2h')
      .addOption(rootOption())
      .action(async (id: string, options: SwitchOptions) =>
        (await import('../rules/switch.js')).switchRule(id, on, options),
      );

  rules
    .command('schema')
    .description('the JSON Schema of rule files, for editors')
    .action(async () => (await import('../rules/schema.js')).printSchema());
};
