import type { Command } from 'commander';
import { configOption, jsonOption } from '../options.js';

interface Options {
  config?: string;
  json?: boolean;
}

export const register = (program: Command): void => {
  const config = program.command('config').description('config.yaml: check it, show what holds, begin one');

  config
    .command('check')
    .description('the file, and what it names: secrets, agents, folders, times')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (options: Options) => {
      const [{ loadConfig }, { findProblems }] = await Promise.all([
        import('../load-config.js'),
        import('../config/check.js'),
      ]);
      const loaded = loadConfig(options.config);
      const problems = findProblems(loaded, process.env);
      const file = loaded.file ?? 'no config.yaml: the defaults';
      if (options.json) process.stdout.write(`${JSON.stringify({ file: loaded.file, problems }, null, 2)}\n`);
      else if (problems.length === 0) process.stdout.write(`${file}: good\n`);
      else for (const { field, message } of problems) process.stderr.write(`ERROR: ${file}: ${field}: ${message}\n`);
      process.exitCode = problems.length === 0 ? 0 : 3;
    });

  config
    .command('show')
    .description('what holds: the file, the environment over it, and the defaults')
    .option('--origin', 'where each value was said')
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nVariables: CONDUCTOR_AGENT, CONDUCTOR_TIMEOUT, CONDUCTOR_MAX_CONCURRENT, CONDUCTOR_MAX_DEPTH, CONDUCTOR_DURABILITY',
    )
    .action(async (options: Options & { origin?: boolean }) => {
      const [{ loadConfig }, { showConfig }] = await Promise.all([
        import('../load-config.js'),
        import('../config/show.js'),
      ]);
      showConfig(loadConfig(options.config), options);
    });

  config
    .command('schema')
    .description('the JSON Schema, for editors')
    .action(async () => {
      const { configJsonSchema } = await import('../load-config.js');
      process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
    });

  config
    .command('init')
    .description('writes a config.yaml with every key explained')
    .option('--force', 'over the one that is there')
    .addOption(configOption())
    .action(async (options: Options & { force?: boolean }) => {
      const { initConfig } = await import('../config/init.js');
      await initConfig(options.config ?? 'config.yaml', options.force === true);
    });
};
