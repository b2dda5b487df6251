import type { Command } from 'commander';
import { configOption, jsonOption, projectFilter, rootOption } from '../options.js';

interface Options {
  root: string;
  config?: string;
  project?: string;
  olderThan: string;
  keepFailed?: boolean;
  dryRun?: boolean;
  deleteDoneTasks?: boolean;
  busOlderThan?: string;
  json?: boolean;
}

export const register = (program: Command): void => {
  program
    .command('gc')
    .description('removes the folders of runs that ended long ago, their clean worktrees, and old files of the bus')
    .option('--older-than <duration>', 'since their end', '7d')
    .option('--keep-failed', 'failed ones stay')
    .option('--dry-run', 'only says what would go')
    .option('--delete-done-tasks', 'also folders of tasks with a DONE file and no run left')
    .option('--bus-older-than <duration>', 'also closed bus files whose messages are all older (default: bus.keep)')
    .addOption(projectFilter())
    .addOption(rootOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (options: Options) => {
      const { run } = await import('../run-agent/gc.js');
      const { root, config, project, olderThan, keepFailed, dryRun, deleteDoneTasks, busOlderThan, json } = options;
      process.exitCode = await run([
        ...['--root', root, '--older-than', olderThan],
        ...(config === undefined ? [] : ['--config', config]),
        ...(project === undefined ? [] : ['--project', project]),
        ...(keepFailed ? ['--keep-failed'] : []),
        ...(dryRun ? ['--dry-run'] : []),
        ...(busOlderThan === undefined ? [] : ['--bus-older-than', busOlderThan]),
        ...(deleteDoneTasks ? ['--delete-done-tasks'] : []),
        ...(json ? ['--json'] : []),
      ]);
    });
};
