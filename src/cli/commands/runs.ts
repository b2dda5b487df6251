import type { Command } from 'commander';
import { configOption, jsonOption, parseCount, projectFilter, rootOption, taskOption } from '../options.js';
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
    .addOption(jsonOption())
    .action(async (options: RunFilter & { root: string; config?: string; json?: boolean }) => {
      const { listRuns } = await import('../looks/runs.js');
      await listRuns(options);
    });
};
