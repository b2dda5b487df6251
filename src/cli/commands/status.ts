import type { Command } from 'commander';
import { configOption, isElsewhere, jsonOption, rootOption, serverOption } from '../options.js';

export const register = (program: Command): void => {
  program
    .command('status')
    .description('the root at a glance: service, tasks, runs, agents')
    .addOption(rootOption())
    .addOption(configOption())
    .addOption(serverOption())
    .addOption(jsonOption())
    .action(async (options: { root: string; config?: string; server?: string; json?: boolean }) => {
      if (isElsewhere(options)) return (await import('../remote/looks.js')).showStatus(options);
      const { showStatus } = await import('../looks/status.js');
      await showStatus(options);
    });
};
