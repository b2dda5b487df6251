import type { Command } from 'commander';
import { rootOption, serverOption } from '../options.js';

export const register = (program: Command): void => {
  program
    .command('ui')
    .description('prints an address that opens the page, once, within a minute')
    .addOption(serverOption())
    .addOption(rootOption())
    .action(async (options: { root: string; server?: string }) => {
      const { askService, findService } = await import('../service-client.js');
      const service = await findService(
        options.root,
        { CONDUCTOR_TOKEN: process.env['CONDUCTOR_TOKEN'] },
        options.server,
      );
      const { path } = (await askService(service, '/api/v1/login-codes')) as { path: string };
      process.stdout.write(`${service.url}${path}\n`);
    });
};
