#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { fail, log } from './system.js';
import { version } from './version.js';

const program = new Command('conductor')
  .description('When something happens, a rule decides which agents act on it.')
  .version(version)
  .exitOverride();
const root = process.env['CONDUCTOR_ROOT'] ?? 'runs';
let exit = 0;

const port = (text: string): number => {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0 || number > 65_535)
    throw new InvalidArgumentError('a port is a number from 0 to 65535');
  return number;
};

program
  .command('serve')
  .description('the service: sources, rules, handlers, HTTP and WebSocket')
  .option('--port <number>', 'port to listen on', port, 14_355)
  .option('--host <address>', 'loopback address to listen on', '127.0.0.1')
  .option('--root <folder>', 'where runs, bus and state are', root)
  .option('--rules <folder>', 'the rule table', 'rules')
  .option('--handlers <folder>', 'the handlers', 'handlers')
  .option('--config <file>', 'configuration (default: ./config.yaml, where there is one)')
  .action(
    async (options: { root: string; port: number; host: string; rules: string; handlers: string; config?: string }) => {
      const { serve } = await import('./serve.js');
      exit = await serve(options);
    },
  );

/** Says one of the night switch's facts; durable, so it holds across restarts. */
const say = async (options: { root: string }, type: string, body: string): Promise<void> => {
  const { openLocal } = await import('./local.js');
  const local = await openLocal({ root: options.root });
  try {
    await local.bus.record([{ type, source: 'cli', body }]);
    if (type === 'CONDUCTOR_STOP_ALL') {
      const { stopRuns } = await import('./stop-runs.js');
      log.info(`${await stopRuns(local, 'stop --all')} runs ended; nothing new starts until "conductor unpause"`);
    } else {
      log.info(body);
    }
  } finally {
    await local.bus.close();
  }
};

program
  .command('pause')
  .description('nothing new starts, also after a restart; events are still accepted')
  .option('--root <folder>', 'the root', root)
  .action((options: { root: string }) => say(options, 'CONDUCTOR_PAUSED', 'paused: nothing new starts'));
program
  .command('unpause')
  .description('what was held back starts')
  .option('--root <folder>', 'the root', root)
  .action((options: { root: string }) => say(options, 'CONDUCTOR_UNPAUSED', 'unpaused'));
program
  .command('stop')
  .description('ends every run and pauses')
  .requiredOption('--all', 'all runs of the root')
  .option('--root <folder>', 'the root', root)
  .action((options: { root: string }) => say(options, 'CONDUCTOR_STOP_ALL', 'everything is stopped'));

const check = program.command('rules').description('the rule table');
check
  .command('check')
  .description('checks rules and handlers without starting anything')
  .option('--rules <folder>', 'the rule table', 'rules')
  .option('--handlers <folder>', 'the handlers', 'handlers')
  .action(async (options: { rules: string; handlers: string }) => {
    const { loadHandlers } = await import('../pipeline/handlers.js');
    const { loadRuleTable } = await import('../router/rule-table.js');
    const handlers = await loadHandlers(options.handlers);
    const table = await loadRuleTable(options.rules, (name) => handlers.some((handler) => handler.name === name));
    process.stdout.write(
      `${table.rules.length} rules and ${handlers.length} handlers are good (table ${table.hash})\n`,
    );
  });

try {
  await program.parseAsync();
  process.exitCode = exit;
} catch (error) {
  process.exitCode = error instanceof CommanderError ? (error.exitCode === 0 ? 0 : 2) : fail(error);
}
