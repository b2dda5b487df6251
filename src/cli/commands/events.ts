import { Option, type Command } from 'commander';
import type { ListOptions } from '../events/list.js';
import { jsonOption, parseCount, parseId, rootOption, taskOption } from '../options.js';

const filtered = (command: Command): Command =>
  command
    .option('--type <types...>', 'only these; also ours, as ROUTED or RUN_STOP')
    .option('--project-id, --project <id>', 'project', parseId)
    .addOption(taskOption())
    .option('--since <msg_id>', 'after this message')
    .addOption(new Option('--tail <count>', 'so many of the newest').argParser(parseCount).default(50))
    .option('--all', 'what the service says about itself, too')
    .addOption(rootOption())
    .addOption(jsonOption());

export const register = (program: Command): void => {
  const events = program.command('events').description('what happened: the messages of the bus');

  filtered(events.command('list', { isDefault: true }).description('the newest events, oldest first')).action(
    async (options: ListOptions) => (await import('../events/list.js')).listEvents(options),
  );
  filtered(events.command('follow').description('the newest events, and those that come')).action(
    async (options: ListOptions) => (await import('../events/list.js')).listEvents({ ...options, follow: true }),
  );
  events
    .command('show')
    .description('one event with all its fields')
    .argument('<msg_id>')
    .addOption(rootOption())
    .addOption(jsonOption())
    .action(async (msg_id: string, options: { root: string; json?: boolean }) =>
      (await import('../events/list.js')).showEvent(msg_id, options),
    );
  events
    .command('types')
    .description('which types of events are told here, by whom, and with what in their data')
    .addOption(jsonOption())
    .action(async (options: { json?: boolean }) => (await import('../events/types.js')).showTypes(options));
  events
    .command('replay')
    .description('says an event again, as a new one; prints its id')
    .argument('<msg_id>')
    .addOption(rootOption())
    .action(async (msg_id: string, options: { root: string }) =>
      (await import('../events/list.js')).replayEvent(msg_id, options),
    );
};
