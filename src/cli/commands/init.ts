import type { Command } from 'commander';
import type { InitOptions } from '../init/init.js';

export const register = (program: Command): void => {
  program
    .command('init')
    .argument('[folder]', 'a repository, or any folder', '.')
    .description('writes rules/, handlers/ and config.yaml that work at once')
    .option('--hook', 'a git hook that tells of each commit')
    .option('--no-hook', 'none, and do not ask')
    .option('--webhook [address]', 'a webhook of the code host; the address under which it reaches the service')
    .option('--no-webhook', 'none, and do not ask')
    .option('--systemd', 'a systemd unit')
    .option('--no-systemd', 'none, and do not ask')
    .option('--force', 'over files that are there')
    .option('-y, --yes', 'asks nothing')
    .action(async (folder: string, options: InitOptions) => {
      const { init } = await import('../init/init.js');
      await init(folder, options);
    });
};
