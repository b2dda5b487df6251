import type { Command } from 'commander';
import { configOption, jsonOption, rootOption } from '../options.js';

interface Options {
  root: string;
  config?: string;
  json?: boolean;
}

export const register = (program: Command): void => {
  const dlq = program
    .command('dlq')
    .description('dead letters: what failed for good, and what a rule could not decide');

  dlq
    .command('list', { isDefault: true })
    .description('activations that failed, then events that a rule could not decide; newest first')
    .addOption(rootOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (options: Options) => {
      const { listDeadLetters } = await import('../looks/dlq.js');
      await listDeadLetters(options);
    });

  dlq
    .command('retry')
    .argument('[activation]', 'RULE/MSG_ID, as the list says it')
    .description('lets it go on after its last finished step')
    .option('--all', 'every one of the list')
    .addOption(rootOption())
    .addOption(configOption())
    .action(async (activation: string | undefined, options: Options & { all?: boolean }) => {
      const { retryDeadLetters } = await import('../looks/dlq.js');
      await retryDeadLetters(activation, options);
    });
};
