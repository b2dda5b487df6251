import { DEDUPE_MS } from '../../core/dedupe.js';
import { ConductorError } from '../../core/errors.js';
import { collect } from '../gc.js';
import { clock } from '../system.js';
import { withLedger } from '../with-ledger.js';
import { COMMON, durationOf, parse, rootOf } from './options.js';

const HELP = `run-agent gc [--older-than 168h] [--keep-failed] [--dry-run] [--project P] [--delete-done-tasks]
             [--bus-older-than 90d] [--json]

Removes the folders of runs that ended long ago; what runs, or may be needed by a step that is not finished, stays.
Of git worktrees that runs left, those go that nobody works in and that hold nothing that is nowhere else.
Of the bus, closed files go whose messages are all older than --bus-older-than (default: bus.keep of the configuration; without it
none), at least 14d, never what a rule has still to decide or something open may ask for; what they said is kept in a SNAPSHOT.

Examples:
  run-agent gc --older-than 30d --keep-failed --dry-run
`;

const OPTIONS = {
  ...COMMON,
  'older-than': { type: 'string' },
  'keep-failed': { type: 'boolean' },
  'bus-older-than': { type: 'string' },
  'dry-run': { type: 'boolean' },
  'delete-done-tasks': { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

const WEEK_MS = 604_800_000;

export const run = async (args: string[]): Promise<number> => {
  const parsed = parse(args, OPTIONS, HELP);
  if (!parsed) return 0;
  const { values } = parsed;
  const older_than_ms = durationOf('older-than', values['older-than']) ?? WEEK_MS;
  const busOlderThan = durationOf('bus-older-than', values['bus-older-than']);
  if (busOlderThan !== undefined && busOlderThan < DEDUPE_MS)
    throw new ConductorError('usage', '--bus-older-than: at least 14d, for so long a dedupe key counts');
  const removed = await withLedger({ root: rootOf(values), config: values.config }, (opened) =>
    collect(
      opened,
      {
        older_than_ms,
        keep_failed: values['keep-failed'] === true,
        dry_run: values['dry-run'] === true,
        done_tasks: values['delete-done-tasks'] === true,
        bus_older_than_ms: busOlderThan ?? opened.config.bus.keep,
        project_id: values['project-id'] ?? values.project,
      },
      clock.now(),
    ),
  );
  const bytes = removed.reduce((sum, one) => sum + one.bytes, 0);
  if (values.json)
    process.stdout.write(`${JSON.stringify({ dry_run: values['dry-run'] === true, bytes, removed }, null, 2)}\n`);
  else {
    for (const { path } of removed) process.stdout.write(`${path}\n`);
    process.stderr.write(
      `${removed.length} folders and files, ${(bytes / 1_000_000).toFixed(1)} MB${values['dry-run'] ? ' would go' : ''}\n`,
    );
  }
  return 0;
};
