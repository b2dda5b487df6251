import type { Command } from 'commander';
import { configOption, rootOption } from '../options.js';

export const register = (program: Command): void => {
  program
    .command('top')
    .description('what runs, live: tasks and their runs with time and cost')
    .option('--once', 'one look, also where nobody watches')
    .addOption(rootOption())
    .addOption(configOption())
    .action(async (options: { root: string; config?: string; once?: boolean }) => {
      const { top } = await import('../looks/top.js');
      await top(options);
    });
};
