#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { fromEvent, merge } from 'rxjs';
import { ConductorError } from '../core/errors.js';
import { idSchema } from '../core/event.js';
import type { Bus } from '../core/ports.js';
import { fail } from './system.js';

const HELP = `run-agent task --project-id P --task-id T --agent A (--prompt TEXT | --prompt-file FILE)

Starts one agent, once, and ends with its meaning: 0 success, 1 retriable, 2 permanent, 3 configuration.
Its final text goes to stdout, its progress to stderr; the run's files are in runs/<project>/<task>/<run_id>/.

  --project-id, --project   default: the surrounding run's, else "default"
  --task-id, --task         default: a new one
  --agent                   claude, codex, gemini, shell or a name of config.yaml
  --prompt, --prompt-file   what it is to do; the shell agent runs it as a script
  --cwd                     where it works; default: here
  --timeout                 seconds, or 5m; default 300
  --root, --config          default: runs (or CONDUCTOR_ROOT), config.yaml
`;

const OPTIONS = {
  'project-id': { type: 'string' },
  project: { type: 'string' },
  'task-id': { type: 'string' },
  task: { type: 'string' },
  agent: { type: 'string' },
  prompt: { type: 'string' },
  'prompt-file': { type: 'string' },
  cwd: { type: 'string' },
  timeout: { type: 'string' },
  root: { type: 'string' },
  config: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'V' },
} as const;

const checkId = (name: string, value: string): string => {
  const result = idSchema.safeParse(value);
  if (!result.success) throw new ConductorError('usage', `--${name} "${value}": ${result.error.issues[0]!.message}`);
  return value;
};

const readPrompt = (prompt: string | undefined, file: string | undefined): string => {
  if ((prompt === undefined) === (file === undefined))
    throw new ConductorError('usage', 'give either --prompt or --prompt-file');
  if (prompt !== undefined) return prompt;
  try {
    return readFileSync(file!, 'utf8');
  } catch (error) {
    throw new ConductorError(
      'usage',
      `the prompt file ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
};

const main = async (argv: string[]): Promise<number> => {
  const { values, positionals } = (() => {
    try {
      return parseArgs({ args: argv, options: OPTIONS, allowPositionals: true });
    } catch (error) {
      throw new ConductorError('usage', error instanceof Error ? error.message : String(error));
    }
  })();
  if (values.help || argv.length === 0) {
    process.stdout.write(HELP);
    return 0;
  }
  if (positionals[0] !== 'task' || positionals.length > 1)
    throw new ConductorError('usage', `unknown command "${positionals.join(' ')}"; see run-agent --help`);
  const environment = process.env;
  const { parseDuration } = await import('../core/duration.js');
  const timeout = values.timeout === undefined ? undefined : parseDuration(values.timeout);
  if (values.timeout !== undefined && timeout === undefined)
    throw new ConductorError('usage', `--timeout "${values.timeout}" is no duration`);
  const prompt = readPrompt(values.prompt, values['prompt-file']);
  const project_id = checkId(
    'project-id',
    values['project-id'] ?? values.project ?? environment['PROJECT_ID'] ?? 'default',
  );
  const named = values['task-id'] ?? values.task;
  const task = named === undefined ? undefined : checkId('task-id', named);

  const { openLocal } = await import('./local.js');
  const { runAttempts } = await import('../pipeline/run-attempts.js');
  const { surroundingDepth } = await import('./surrounding.js');
  const local = await openLocal({
    root: values.root ?? environment['CONDUCTOR_ROOT'] ?? 'runs',
    config: values.config,
  });
  try {
    if (await isPaused(local))
      throw new ConductorError('paused', 'the conductor is paused: nothing new starts until "conductor unpause"');
    const agent =
      values.agent === undefined
        ? local.agents.choose(environment['AGENT'] ? [environment['AGENT']] : undefined)
        : local.agents.find(values.agent);
    const parent = environment['RUN_ID'];
    const { end } = await runAttempts(
      { ...local },
      {
        project_id,
        task_id: task ?? local.ids.taskId('task'),
        agent: agent.name,
        prompt,
        cwd: resolve(values.cwd ?? '.'),
        env: {},
        timeout_ms: timeout ?? local.config.agents[agent.name]?.timeout ?? local.config.defaults.timeout,
        depth: await surroundingDepth(local.runs, environment),
        trust: 'full',
        ...(parent ? { parent_run_id: parent } : {}),
        retry: { attempts: 1, base_ms: 1_000, cap_ms: 30_000 },
        onEvent: (event) => {
          if (event.kind === 'tool_call') process.stderr.write(`· ${event.name}\n`);
          if (event.kind === 'retry' || event.kind === 'warning') process.stderr.write(`· ${event.message}\n`);
        },
      },
      merge(fromEvent(process, 'SIGINT'), fromEvent(process, 'SIGTERM')),
    );
    if (end.status === 'completed')
      process.stdout.write(end.output.endsWith('\n') || end.output === '' ? end.output : `${end.output}\n`);
    else
      process.stderr.write(
        `ERROR: ${end.reason ? `${end.reason}: ` : ''}${end.error_summary ?? `exit code ${end.exit_code}`}\n`,
      );
    return end.exit;
  } finally {
    await local.bus.close();
  }
};

const isPaused = async (local: { bus: Bus }): Promise<boolean> => {
  let paused = false;
  for await (const event of local.bus.read({
    types: ['CONDUCTOR_PAUSED', 'CONDUCTOR_UNPAUSED', 'CONDUCTOR_STOP_ALL'],
    tail: 1,
  })) {
    paused = event.authentic && event.type !== 'CONDUCTOR_UNPAUSED';
  }
  return paused;
};

process.exitCode = await main(process.argv.slice(2)).catch(fail);
