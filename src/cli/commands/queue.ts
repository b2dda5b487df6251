import { InvalidArgumentError, type Command } from 'commander';
import { jsonOption, rootOption } from '../options.js';

const parsePriority = (value: string): number => {
  if (!/^\d$/.test(value)) throw new InvalidArgumentError('a priority is a digit: 0 goes first, 5 is what runs have');
  return Number(value);
};

export const register = (program: Command): void => {
  const queue = program.command('queue').description('runs that wait for one of the slots');
  queue
    .command('list', { isDefault: true })
    .description('in the order in which they will be served')
    .addOption(rootOption())
    .addOption(jsonOption())
    .action(async (options: { root: string; json?: boolean }) => {
      const { listQueue } = await import('../queue.js');
      listQueue(options);
    });
  queue
    .command('move')
    .argument('<run_id>', 'the run that waits')
    .description('gives it another priority')
    .requiredOption('--priority <digit>', '0 goes first', parsePriority)
    .addOption(rootOption())
    .action(async (run_id: string, options: { root: string; priority: number }) => {
      const { moveInQueue } = await import('../queue.js');
      moveInQueue(run_id, options);
    });
  queue
    .command('cancel')
    .argument('<run_id>', 'the run that waits')
    .description('takes it out of the queue: it does not start')
    .addOption(rootOption())
    .action(async (run_id: string, options: { root: string }) => {
      const { cancelInQueue } = await import('../queue.js');
      cancelInQueue(run_id, options);
    });
};
