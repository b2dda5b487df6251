import type { Command } from 'commander';
import { configOption, jsonOption, rootOption } from '../options.js';

export const register = (program: Command): void => {
  program
    .command('status')
    .description('the root at a glance: service, tasks, runs, agents')
    .addOption(rootOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (options: { root: string; config?: string; json?: boolean }) => {
      const { showStatus } = await import('../looks/status.js');
      await showStatus(options);
    });
};
