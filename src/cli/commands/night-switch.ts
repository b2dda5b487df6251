import type { Command } from 'commander';
import { rootOption } from '../options.js';

/** Says one of the night switch's facts; durable, so it holds across restarts. */
const say = async (root: string, type: string, body: string): Promise<void> => {
  const [{ openLocal }, { log }] = await Promise.all([import('../local.js'), import('../system.js')]);
  const local = await openLocal({ root });
  try {
    await local.bus.record([{ type, source: 'cli', body }]);
    if (type === 'CONDUCTOR_STOP_ALL') {
      const { stopRuns } = await import('../stop-runs.js');
      log.info(`${await stopRuns(local, 'stop --all')} runs ended; nothing new starts until "conductor unpause"`);
    } else {
      log.info(body);
    }
  } finally {
    await local.bus.close();
  }
};

export const register = (program: Command): void => {
  program
    .command('pause')
    .description('nothing new starts, also after a restart; events are still accepted')
    .addOption(rootOption())
    .action(({ root }: { root: string }) => say(root, 'CONDUCTOR_PAUSED', 'paused: nothing new starts'));
  program
    .command('unpause')
    .description('what was held back starts')
    .addOption(rootOption())
    .action(({ root }: { root: string }) => say(root, 'CONDUCTOR_UNPAUSED', 'unpaused'));
  program
    .command('stop')
    .description('ends every run and pauses')
    .requiredOption('--all', 'all runs of the root')
    .addOption(rootOption())
    .action(({ root }: { root: string }) => say(root, 'CONDUCTOR_STOP_ALL', 'everything is stopped'));
};
