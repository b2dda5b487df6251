import { Option, type Command } from 'commander';
import { parseDuration } from '../../core/duration.js';
import { ConductorError } from '../../core/errors.js';
import { rootOption } from '../options.js';

export const register = (program: Command): void => {
  program
    .command('token')
    .description('prints a token for the service: with fewer rights, and an end')
    .addOption(new Option('--scope <scope>', 'what it may').choices(['read', 'write', 'admin']).default('read'))
    .option('--for <duration>', 'how long it is good', '24h')
    .option('--replace', "a new token of the root's own first: all others end at the service's next start")
    .addOption(rootOption())
    .action(async (options: { root: string; scope: 'read' | 'write' | 'admin'; for: string; replace?: boolean }) => {
      const lives = parseDuration(options.for);
      if (lives === undefined) throw new ConductorError('usage', `--for "${options.for}" is no duration, as 24h`);
      const { deriveToken } = await import('../../api/access/derived-token.js');
      const { openToken, replaceToken } = await import('../../storage/service-file.js');
      const { openRoot } = await import('../../storage/root.js');
      const { path } = await openRoot(options.root);
      const own = await (options.replace ? replaceToken(path) : openToken(path));
      process.stdout.write(`${deriveToken(own, options.scope, Date.now() + lives)}\n`);
    });
};
