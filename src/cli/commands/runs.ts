import type { Command } from 'commander';
import {
  configOption,
  jsonOption,
  parseCount,
  projectFilter,
  rootOption,
  isElsewhere,
  serverOption,
  taskOption,
} from '../options.js';
import type { RunFilter } from '../looks/runs.js';

export const register = (program: Command): void => {
  program
    .command('runs')
    .description('every run, newest first')
    .addOption(projectFilter())
    .addOption(taskOption())
    .option('--status <status>', 'running, completed or failed')
    .option('--limit <count>', 'only the newest', parseCount)
    .addOption(rootOption())
    .addOption(configOption())
    .addOption(serverOption())
    .addOption(jsonOption())
    .action(async (options: RunFilter & { root: string; config?: string; server?: string; json?: boolean }) => {
      if (isElsewhere(options)) return (await import('../remote/looks.js')).listRuns(options);
      const { listRuns } = await import('../looks/runs.js');
      await listRuns(options);
    });
};
