import { Command } from 'commander';
import * as backup from './commands/backup.js';
import * as completion from './commands/completion.js';
import * as config from './commands/config.js';
import * as doctor from './commands/doctor.js';
import * as events from './commands/events.js';
import * as dlq from './commands/dlq.js';
import * as gc from './commands/gc.js';
import * as mcp from './commands/mcp.js';
import * as approve from './commands/approve.js';
import * as handlers from './commands/handlers.js';
import * as init from './commands/init.js';
import * as nightSwitch from './commands/night-switch.js';
import * as queue from './commands/queue.js';
import * as rules from './commands/rules.js';
import * as runs from './commands/runs.js';
import * as serve from './commands/serve.js';
import * as status from './commands/status.js';
import * as task from './commands/task.js';
import * as token from './commands/token.js';
import * as trace from './commands/trace.js';
import * as top from './commands/top.js';
import * as ui from './commands/ui.js';
import * as webhook from './commands/webhook.js';
import { giveExamples } from './examples.js';
import { readVersion } from './package-folder.js';

// One file a noun, in the order of the help. A noun loads what it needs when it is called.
const NOUNS = [
  serve,
  task,
  status,
  runs,
  queue,
  top,
  nightSwitch,
  rules,
  handlers,
  approve,
  trace,
  events,
  dlq,
  webhook,
  ui,
  token,
  mcp,
  config,
  init,
  doctor,
  gc,
  backup,
  completion,
];

/** A word after a noun that is none of its commands is said to be so, not taken for an argument of its default command. */
const nameUnknown = (noun: Command): void => {
  const { _defaultCommandName: name } = noun as unknown as { _defaultCommandName: string | null };
  const usual = noun.commands.find((one) => one.name() === name);
  if (usual?.registeredArguments.length !== 0) return;
  usual.allowExcessArguments().hook('preAction', (_usual, called) => {
    const [word] = called.args;
    if (word !== undefined) noun.error(`error: unknown command '${word}' (see conductor ${noun.name()} --help)`);
  });
};

/** The command `conductor` with every noun, its help and examples; nothing is done yet. */
export const createProgram = (): Command => {
  const program = new Command('conductor')
    .description('When something happens, a rule decides which agents act on it.')
    .version(readVersion())
    .exitOverride();
  for (const noun of NOUNS) noun.register(program);
  for (const noun of program.commands) nameUnknown(noun);
  giveExamples(program);
  return program;
};
