import { Option, type Command } from 'commander';
import {
  configOption,
  isElsewhere,
  jsonOption,
  parseCount,
  projectFilter,
  projectOption,
  rootOption,
  serverOption,
  taskOption,
} from '../options.js';
import type { CreateOptions } from '../tasks/create-options.js';
import type { LogsOptions } from '../tasks/logs.js';
import type { Scope } from '../tasks/scope.js';

interface Common {
  root: string;
  config?: string;
  project?: string;
  task?: string;
}

/** A command about one task; here or, with --server, elsewhere. */
const one = <Options extends object>(
  task: Command,
  [name, description]: [string, string],
  here: (options: Common & Options, scope: Scope) => Promise<void>,
  elsewhere: (options: Common & Options & { server: string }, scope: Scope) => Promise<void>,
): Command =>
  task
    .command(name)
    .argument('[task]', 'its id, or PROJECT/ID')
    .description(description)
    .addOption(projectOption())
    .addOption(taskOption())
    .addOption(rootOption())
    .addOption(configOption())
    .addOption(serverOption())
    .action(async (named: string | undefined, options: Common & Options & { server?: string }) => {
      const { scopeOf } = await import('../tasks/scope.js');
      const scope = scopeOf(named, options);
      return isElsewhere(options) ? elsewhere(options, scope) : here(options, scope);
    });

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
      process.exitCode = isElsewhere(options)
        ? await (await import('../remote/tasks.js')).createTask(options)
        : await (await import('../tasks/create.js')).createTask(options);
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
        if (isElsewhere(options)) return (await import('../remote/looks.js')).listTasks(options);
        return (await import('../tasks/list.js')).listTasks(options);
      },
    );

  one<{ json?: boolean }>(
    task,
    ['show', 'one task and its runs'],
    async (options, scope) => (await import('../tasks/show.js')).showTask(options, scope),
    async (options, scope) => (await import('../remote/looks.js')).showTask(options, scope),
  ).addOption(jsonOption());

  one<{ reason?: string }>(
    task,
    ['stop', 'ends what runs of it; nothing of it begins any more'],
    async (options, scope) => (await import('../tasks/stop.js')).stopTask(options, scope),
    async (options, scope) => (await import('../remote/tasks.js')).stopTask(options, scope),
  ).option('--reason <text>', 'why; it is said on the bus');

  one<{ prompt?: string; agent?: string }>(
    task,
    ['resume', "goes on in the same task, in its agent's session where it can"],
    async (options, scope) => (await import('../tasks/resume.js')).resumeTask(options, scope),
    async (options, scope) => (await import('../remote/tasks.js')).resumeTask(options, scope),
  )
    .option('--prompt <text>', 'another prompt')
    .option('--agent <name>', 'another agent');

  one<LogsOptions>(
    task,
    ['logs', 'what its newest run wrote'],
    async (options, scope) => (await import('../tasks/logs.js')).showLogs(options, scope),
    async (options, scope) => (await import('../remote/logs.js')).showLogs(options, scope),
  )
    .option('--run <id>', 'another run')
    .addOption(
      new Option('--file <which>', 'which file').choices(['stdout', 'stderr', 'output', 'prompt']).default('stdout'),
    )
    .option('--tail <lines>', 'only the last lines', parseCount)
    .option('-f, --follow', 'goes on until the run ends');

  one<{ force?: boolean }>(
    task,
    ['delete', 'removes its folder and its runs'],
    async (options, scope) => (await import('../tasks/delete.js')).deleteTask(options, scope),
    async (options, scope) => (await import('../remote/tasks.js')).deleteTask(options, scope),
  ).option('--force', 'stops it first');
};
