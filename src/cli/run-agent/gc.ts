import { collect } from '../gc.js';
import { clock } from '../system.js';
import { withLedger } from '../with-ledger.js';
import { COMMON, durationOf, parse, rootOf } from './options.js';

const HELP = `run-agent gc [--older-than 168h] [--keep-failed] [--dry-run] [--project P] [--delete-done-tasks] [--json]

Removes the folders of runs that ended long ago; what runs, or may be needed by a step that is not finished, stays.
`;

const OPTIONS = {
  ...COMMON,
  'older-than': { type: 'string' },
  'keep-failed': { type: 'boolean' },
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
  const removed = await withLedger({ root: rootOf(values), config: values.config }, (opened) =>
    collect(
      opened,
      {
        older_than_ms,
        keep_failed: values['keep-failed'] === true,
        dry_run: values['dry-run'] === true,
        done_tasks: values['delete-done-tasks'] === true,
        project_id: values['project-id'] ?? values.project,
      },
      clock.now(),
    ),
  );
  const bytes = removed.reduce((sum, one) => sum + one.bytes, 0);
  if (values.json)
    process.stdout.write(`${JSON.stringify({ dry_run: values['dry-run'] === true, bytes, removed }, null, 2)}\n`);
  else {
    for (const { folder } of removed) process.stdout.write(`${folder}\n`);
    process.stderr.write(
      `${removed.length} folders, ${(bytes / 1_000_000).toFixed(1)} MB${values['dry-run'] ? ' would go' : ''}\n`,
    );
  }
  return 0;
};
