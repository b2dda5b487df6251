import type { Command } from 'commander';
import { configOption, parsePort, rootOption } from '../options.js';

export const register = (program: Command): void => {
  program
    .command('serve')
    .description('the service: sources, rules, handlers, HTTP and WebSocket')
    .option('--port <number>', 'port to listen on', parsePort, 14_355)
    .option('--host <address>', 'loopback address to listen on', '127.0.0.1')
    .addOption(rootOption())
    .option('--rules <folder>', 'the rule table', 'rules')
    .option('--handlers <folder>', 'the handlers', 'handlers')
    .addOption(configOption())
    .action(
      async (options: {
        root: string;
        port: number;
        host: string;
        rules: string;
        handlers: string;
        config?: string;
      }) => {
        const { serve } = await import('../serve.js');
        process.exitCode = await serve(options);
      },
    );
};
