import { Option, type Command } from 'commander';
import { configOption, parsePort, rootOption } from '../options.js';

export const register = (program: Command): void => {
  program
    .command('serve')
    .description('the service: sources, rules, handlers, HTTP and WebSocket')
    .addOption(
      new Option('--port <number>', 'port to listen on').argParser(parsePort).env('CONDUCTOR_PORT').default(14_355),
    )
    .addOption(
      new Option('--host <address>', 'address to listen on; any other than loopback wants TLS in front')
        .env('CONDUCTOR_HOST')
        .default('127.0.0.1'),
    )
    .option('--unix-socket <path>', 'listen on a socket of the file system instead')
    .addOption(rootOption())
    .addOption(new Option('--rules <folder>', 'the rule table').env('CONDUCTOR_RULES').default('rules'))
    .addOption(new Option('--handlers <folder>', 'the handlers').env('CONDUCTOR_HANDLERS').default('handlers'))
    .addOption(configOption())
    .action(
      async (options: {
        root: string;
        port: number;
        host: string;
        rules: string;
        handlers: string;
        config?: string;
        unixSocket?: string;
      }) => {
        const { serve } = await import('../serve.js');
        process.exitCode = await serve({ ...options, socketPath: options.unixSocket });
      },
    );
};
