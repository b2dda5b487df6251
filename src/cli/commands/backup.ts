import type { Command } from 'commander';
import { rootOption } from '../options.js';

export const register = (program: Command): void => {
  const backup = program.command('backup').description('the root as one file, taken while the service runs');
  backup
    .command('create', { isDefault: true })
    .argument('[file]', 'default: conductor-<time>.tar.gz here')
    .description('writes bus, runs and key into one archive, and prints its name')
    .addOption(rootOption())
    .action(async (file: string | undefined, { root }: { root: string }) => {
      const { createBackup } = await import('../backup.js');
      await createBackup(root, file);
    });
  backup
    .command('restore')
    .argument('<file>')
    .description('into a root that is not there yet')
    .addOption(rootOption())
    .action(async (file: string, { root }: { root: string }) => {
      const { restoreBackup } = await import('../backup.js');
      await restoreBackup(root, file);
    });
};
