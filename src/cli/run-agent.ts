#!/usr/bin/env node
/** `run-agent …`. Agents start it all day, so nothing is loaded but what the one command needs. */
import { readVersion } from './package-folder.js';
import { sayAtOnce } from './say-at-once.js';

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

const main = async (name?: string, ...rest: string[]): Promise<void> => {
  if (name === undefined || ['-h', '--help', 'help'].includes(name)) sayAtOnce(HELP);
  else if (['-V', '-v', '--version'].includes(name)) sayAtOnce(`${readVersion()}\n`);
  else process.exitCode = await (await import('./run-agent/commands.js')).runCommand(name, rest);
};

void main(...process.argv.slice(2));
