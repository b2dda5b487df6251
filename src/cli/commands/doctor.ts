import type { Command } from 'commander';
import { configOption, jsonOption, rootOption } from '../options.js';

export const register = (program: Command): void => {
  program
    .command('doctor')
    .description('whether this machine, the root and the agents are as they should be; nothing is spent')
    .option('--production', 'the checklist for production too')
    .option('--offline', 'asks no service whether it takes a key')
    .addOption(rootOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .action(
      async (options: { root: string; config?: string; production?: boolean; offline?: boolean; json?: boolean }) => {
        const { doctor } = await import('../doctor/doctor.js');
        process.exitCode = await doctor(options);
      },
    );
};
