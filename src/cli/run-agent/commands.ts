import { outliveReader } from '../closed-pipe.js';
import { fail } from '../fail.js';

interface CommandModule {
  run(args: string[]): Promise<number>;
}

const COMMANDS: Readonly<Record<string, () => Promise<CommandModule>>> = {
  task: () => import('./task.js'),
  job: () => import('./job.js'),
  batch: () => import('./batch.js'),
  wrap: () => import('./wrap.js'),
  stop: () => import('./stop.js'),
  resume: () => import('./resume.js'),
  sh: () => import('./sh.js'),
  output: () => import('./output.js'),
  list: () => import('./list.js'),
  status: () => import('./status.js'),
  watch: () => import('./watch.js'),
  gc: () => import('./gc.js'),
  validate: () => import('./validate.js'),
};

/** Returns the exit code; what goes wrong is said. */
export const runCommand = async (name: string, args: string[]): Promise<number> => {
  outliveReader();
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!load) {
    process.stderr.write(`ERROR: there is no command "${name}"; see run-agent --help\n`);
    return 2;
  }
  try {
    return await (await load()).run(args);
  } catch (error) {
    return fail(error);
  }
};
