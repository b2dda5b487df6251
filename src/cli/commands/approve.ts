import type { Command } from 'commander';
import type { ApproveOptions } from '../handlers/approve.js';
import { configOption, jsonOption, rootOption } from '../options.js';

export const register = (program: Command): void => {
  program
    .command('approve')
    .argument('[approval]', 'its name, its task, or PROJECT/TASK; none: the list')
    .description('what waits for a person: the list, a yes, or a no')
    .option('--reject', 'no')
    .option('--comment <text>', 'why; the handler reads it')
    .addOption(rootOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (named: string | undefined, options: ApproveOptions) => {
      const { decideApproval, listApprovals } = await import('../handlers/approve.js');
      await (named === undefined ? listApprovals(options) : decideApproval(named, options));
    });
};
