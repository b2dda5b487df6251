import { Option, type Command } from 'commander';
import {
  configOption,
  jsonOption,
  parseCount,
  projectFilter,
  projectOption,
  rootOption,
  serverOption,
  taskOption,
} from '../options.js';
import type { CreateOptions } from '../tasks/create.js';
import type { LogsOptions } from '../tasks/logs.js';

interface Common {
  root: string;
  config?: string;
  project?: string;
  task?: string;
}

const one = (task: Command, name: string, description: string): Command =>
  task
    .command(name)
    .argument('[task]', 'its id, or PROJECT/ID')
    .description(description)
    .addOption(projectOption())
    .addOption(taskOption())
    .addOption(rootOption())
    .addOption(configOption());

export const register = (program: Command): void => {
  const task = program.command('task').description('tasks: ask for one, look at them, stop them');

  task
    .command('create', { isDefault: true })
    .description('asks for one run of one agent; prints only the task id, and works while no service runs')
    .addOption(projectOption())
    .addOption(taskOption())
    .option('--agent <name>', 'a backend or a named agent of the configuration')
    .option('--prompt <text>', 'what it is to do (default: TASK.md of the task)')
    .option('--prompt-file <file>', 'a file that says so; "-" is standard input')
    .option('--cwd <folder>', 'where it works (default: here)')
    .option('--timeout <duration>', 'seconds, or 15m')
    .option(
      '--depends-on <tasks>',
      'starts when these have completed, fails when one failed; TASK or PROJECT/TASK, several with commas, or again',
      (words: string, before: string[] = []) => [...before, words],
    )
    .option('--until <done>', '"done": the service starts it again until the file DONE is in the folder of the task')
    .option('--verify <command>', 'DONE counts only when this succeeds')
    .option('--max-restarts <n>', 'of --until done; default 100')
    .option('--max-idle <n>', 'turns in a row without a change in the folder; default 5')
    .option('--max-usd <sum>', 'of all turns together')
    .option('--session <how>', 'resume or fresh (default)')
    .option('--wait', 'returns when it ended, with its meaning')
    .addOption(serverOption())
    .addOption(rootOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (options: CreateOptions & { server?: string }) => {
      const { server } = options;
      if (server !== undefined) return (await import('../remote.js')).remote.createTask({ ...options, server });
      const { createTask } = await import('../tasks/create.js');
      process.exitCode = await createTask(options);
    });

  task
    .command('list')
    .description('every task, newest first')
    .addOption(projectFilter())
    .option('--status <status>', 'pending, running, completed, failed or stopped; several with commas')
    .addOption(serverOption())
    .addOption(rootOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .action(
      async (options: Common & { project: string | undefined; status?: string; server?: string; json?: boolean }) => {
        const { server } = options;
        if (server !== undefined) return (await import('../remote.js')).remote.listTasks({ ...options, server });
        const { listTasks } = await import('../tasks/list.js');
        await listTasks(options);
      },
    );

  one(task, 'show', 'one task and its runs')
    .addOption(serverOption())
    .addOption(jsonOption())
    .action(async (named: string | undefined, options: Common & { server?: string; json?: boolean }) => {
      const [{ showTask }, { scopeOf }] = await Promise.all([import('../tasks/show.js'), import('../tasks/one.js')]);
      const { server } = options;
      if (server !== undefined)
        return (await import('../remote.js')).remote.showTask({ ...options, server }, scopeOf(named, options));
      await showTask(options, scopeOf(named, options));
    });

  one(task, 'stop', 'ends what runs of it; nothing of it begins any more')
    .option('--reason <text>', 'why; it is said on the bus')
    .addOption(serverOption())
    .action(async (named: string | undefined, options: Common & { reason?: string; server?: string }) => {
      const [{ stopTask }, { scopeOf }] = await Promise.all([import('../tasks/stop.js'), import('../tasks/one.js')]);
      const { server } = options;
      if (server !== undefined)
        return (await import('../remote.js')).remote.stopTask({ ...options, server }, scopeOf(named, options));
      await stopTask(options, scopeOf(named, options));
    });

  one(task, 'resume', "goes on in the same task, in its agent's session where it can")
    .option('--prompt <text>', 'another prompt')
    .option('--agent <name>', 'another agent')
    .action(async (named: string | undefined, options: Common & { prompt?: string; agent?: string }) => {
      const [{ resumeTask }, { scopeOf }] = await Promise.all([
        import('../tasks/resume.js'),
        import('../tasks/one.js'),
      ]);
      await resumeTask(options, scopeOf(named, options));
    });

  one(task, 'logs', 'what its newest run wrote')
    .option('--run <id>', 'another run')
    .addOption(
      new Option('--file <which>', 'which file').choices(['stdout', 'stderr', 'output', 'prompt']).default('stdout'),
    )
    .option('--tail <lines>', 'only the last lines', parseCount)
    .option('-f, --follow', 'goes on until the run ends')
    .action(async (named: string | undefined, options: Common & LogsOptions) => {
      const [{ showLogs }, { scopeOf }] = await Promise.all([import('../tasks/logs.js'), import('../tasks/one.js')]);
      await showLogs(options, scopeOf(named, options));
    });

  one(task, 'delete', 'removes its folder and its runs')
    .option('--force', 'stops it first')
    .action(async (named: string | undefined, options: Common & { force?: boolean }) => {
      const [{ deleteTask }, { scopeOf }] = await Promise.all([
        import('../tasks/delete.js'),
        import('../tasks/one.js'),
      ]);
      await deleteTask(options, scopeOf(named, options));
    });
};
