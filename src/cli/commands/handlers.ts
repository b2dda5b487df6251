import { Option, type Command } from 'commander';
import type { HandlersOptions } from '../handlers/list.js';
import type { RunOptions } from '../handlers/run.js';
import { configOption, jsonOption, projectOption, rootOption, taskOption } from '../options.js';

export const register = (program: Command): void => {
  const handlers = program
    .command('handlers')
    .description('the handlers: look at them, run one, go on with one, end one');
  const one = (name: string, description: string): Command =>
    handlers
      .command(name)
      .description(description)
      .addOption(new Option('--handlers <folder>', 'the handlers').default('handlers'));

  one('list', 'every handler')
    .addOption(jsonOption())
    .action(async (options: HandlersOptions) => (await import('../handlers/list.js')).listHandlers(options));

  one('check', 'checks every file without starting anything')
    .addOption(jsonOption())
    .action(async (options: HandlersOptions) => {
      process.exitCode = await (await import('../handlers/list.js')).checkHandlers(options);
    });

  one('graph', 'the steps of one, with its patterns taken apart')
    .argument('<name>', 'the handler')
    .option('--mermaid', 'as a Mermaid flowchart')
    .addOption(jsonOption())
    .action(async (name: string, options: HandlersOptions & { mermaid?: boolean }) =>
      (await import('../handlers/list.js')).graphHandler(name, options),
    );

  one('run', 'runs one for an event that no rule hears of, with or without a service; prints what it gave')
    .argument('<name>', 'the handler')
    .option('--event <file>', 'JSON or YAML with type, data and body; "-" is standard input')
    .option('--with <json>', 'its parameters')
    .option('--cwd <folder>', 'where its steps work (default: here)')
    .addOption(projectOption())
    .addOption(taskOption())
    .addOption(rootOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (name: string, options: RunOptions) => {
      process.exitCode = await (await import('../handlers/run.js')).runHandler(name, options);
    });

  one('resume', 'lets a failed one go on after its last finished step, and a parked one with the handler as it is now')
    .argument('<activation>', 'its key, its task, or PROJECT/TASK')
    .option('--latest', 'with the handler as it is now')
    .addOption(rootOption())
    .addOption(configOption())
    .action(async (named: string, options: { root: string; config?: string; handlers: string; latest?: boolean }) =>
      (await import('../handlers/change.js')).resumeActivation(named, options),
    );

  one('cancel', 'ends one, and everything below it')
    .argument('<activation>', 'its key, its task, or PROJECT/TASK')
    .option('--reason <text>', 'why; it is said on the bus')
    .addOption(rootOption())
    .addOption(configOption())
    .action(async (named: string, options: { root: string; config?: string; reason?: string }) =>
      (await import('../handlers/change.js')).cancelActivation(named, options),
    );

  handlers
    .command('schema')
    .description('the JSON Schema of a handler file, for editors')
    .action(async () => {
      const { handlerJsonSchema } = await import('../../pipeline/syntax/json-schema.js');
      process.stdout.write(`${JSON.stringify(handlerJsonSchema(), null, 2)}\n`);
    });
};
