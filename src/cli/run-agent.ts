#!/usr/bin/env node
/** `run-agent …`. Agents start it all day, so nothing is loaded but what the one command needs. */
import { outliveReader } from './closed-pipe.js';
import { fail } from './fail.js';
import { readVersion } from './package-folder.js';

const HELP = `run-agent: one agent at work, with or without a service

  task       starts one agent, once; its exit code is the meaning
  job        the same, with --follow; "job batch" for several
  batch      several prompts, after or beside each other
  wrap       an interactive agent, tracked as a run
  stop       ends a run or a task        resume    runs a task once more
  output     what a run wrote            list      projects, tasks, runs
  status     the newest run of each task watch     until tasks have ended
  gc         removes old runs            validate  configuration and agents
  sh         AGENT CWD PROMPT_FILE: the oldest form, as run-agent.sh

run-agent COMMAND --help says more. Exit codes: 0 success, 1 retriable, 2 permanent or wrong use, 3 configuration.
`;

interface CommandModule {
  run(args: string[]): Promise<number>;
}

const COMMANDS: Readonly<Record<string, () => Promise<CommandModule>>> = {
  task: () => import('./run-agent/task.js'),
  job: () => import('./run-agent/job.js'),
  batch: () => import('./run-agent/batch.js'),
  wrap: () => import('./run-agent/wrap.js'),
  stop: () => import('./run-agent/stop.js'),
  resume: () => import('./run-agent/resume.js'),
  sh: () => import('./run-agent/sh.js'),
  output: () => import('./run-agent/output.js'),
  list: () => import('./run-agent/list.js'),
  status: () => import('./run-agent/status.js'),
  watch: () => import('./run-agent/watch.js'),
  gc: () => import('./run-agent/gc.js'),
  validate: () => import('./run-agent/validate.js'),
};

const main = async (argv: string[]): Promise<number> => {
  const [name, ...rest] = argv;
  if (name === undefined || ['-h', '--help', 'help'].includes(name)) {
    process.stdout.write(HELP);
    return 0;
  }
  if (['-V', '-v', '--version'].includes(name)) {
    process.stdout.write(`${readVersion()}\n`);
    return 0;
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!load) {
    process.stderr.write(`ERROR: there is no command "${name}"; see run-agent --help\n`);
    return 2;
  }
  return (await load()).run(rest);
};

outliveReader();
process.exitCode = await main(process.argv.slice(2)).catch(fail);
