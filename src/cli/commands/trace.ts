import type { Command } from 'commander';
import { jsonOption, rootOption } from '../options.js';

export const register = (program: Command): void => {
  program
    .command('trace')
    .description('what came of an event: decisions, steps, runs and further events, as one tree')
    .argument('<msg_id>', 'any event of the chain')
    .option('--here', 'only what came of this event, not of the one it began with')
    .addOption(rootOption())
    .addOption(jsonOption())
    .action(async (msg_id: string, options: { root: string; json?: boolean; here?: boolean }) =>
      (await import('../trace/trace.js')).trace(msg_id, options),
    );
};
