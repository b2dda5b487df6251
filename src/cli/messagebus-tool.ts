#!/usr/bin/env node
/** `messagebus-tool write|read|follow|check|stats`. It is started for each message, so the rest is loaded where it is asked for. */
import { toConductorError } from '../core/errors.js';
import { usage } from './messagebus/options.js';
import { sayAtOnce } from './say-at-once.js';

const HELP = `messagebus-tool: say something on the bus, read it, or look after it

  messagebus-tool write [BODY] [--type INFO] [--project ID] [--task ID] [--run-id ID] [--data JSON]
                        [--parent MSG_ID]… [--dedupe-key KEY] [--source NAME] [--root DIR] [-e]
      Prints the message's id. BODY is taken as it is (-e: \\n, \\t and \\\\ are read); without it, standard input is.

  messagebus-tool read [--since-id MSG_ID] [--type TYPE]… [--tail N] [--project ID] [--task ID]
                       [--run-id ID] [--json] [--follow] [--root DIR]
      One "key: value" a line, "---" between messages; with --json one JSON object a line. Damage is told where it is read:
      what another type, project, task or run said is passed over (check reads all of it).

  messagebus-tool follow [--since-id MSG_ID | --tail N] [as read]
      Only what comes from now on, or after the message, or after the last N.

  messagebus-tool check [--json] [--root DIR]
      Reads the whole bus and prints every damaged range; exit code 2 when there is one.

  messagebus-tool stats [--json] [--root DIR]
      How many messages, of which types and projects, in how many files and bytes.

Examples:
  messagebus-tool write --type FACT 'the cache was cold'
  messagebus-tool write --type TEST_FAILED --data '{"branch":"main"}' < failures.txt
  messagebus-tool read --type ERROR --tail 20
  messagebus-tool follow --project-id web --json
  messagebus-tool check
  messagebus-tool stats --json

Defaults come from CONDUCTOR_ROOT (else "runs"), PROJECT_ID, TASK_ID and RUN_ID.
`;

const main = async ([command, ...args]: string[]): Promise<void> => {
  switch (command) {
    case 'write':
      return (await import('./messagebus/write.js')).write(args, HELP);
    case 'read':
    case 'follow':
      return (await import('./messagebus/read.js')).read(args, HELP, command === 'follow');
    case 'check':
    case 'stats':
      return (await import('./messagebus/survey.js'))[command](args, HELP);
    case '--help':
    case '-h':
    case 'help':
      return sayAtOnce(HELP);
    case undefined:
      throw usage(`say write, read, follow, check or stats\n\n${HELP}`);
    default:
      throw usage(`there is no command "${command}"; there are write, read, follow, check and stats`);
  }
};

main(process.argv.slice(2)).catch((error: unknown) => {
  const told = toConductorError(error);
  process.stderr.write(`messagebus-tool: ${told.message}\n`);
  process.exitCode = told.exit;
});
