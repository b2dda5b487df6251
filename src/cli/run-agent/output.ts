import { openLocal } from '../local.js';
import { RUN_FILES, writeLogs, type RunFile } from '../tasks/logs.js';
import { RUN_SELECTION, runScopeOf } from './find-run.js';
import { COMMON, countOf, parse, rootOf, usage } from './options.js';

const HELP = `run-agent output (--project P --task T [--run ID] | --run-dir FOLDER)

Writes what a run wrote, the newest of the task unless named.

  --file WHICH    output (default), stdout, stderr or prompt; with --follow stdout
  --tail N        only the last lines
  --follow, -f    goes on until the run ends

Examples:
  run-agent output --task port > port.md
  run-agent output --task port --file stderr --tail 20
`;

const OPTIONS = {
  ...COMMON,
  ...RUN_SELECTION,
  file: { type: 'string' },
  tail: { type: 'string' },
  follow: { type: 'boolean', short: 'f' },
} as const;

export const run = async (args: string[]): Promise<number> => {
  const parsed = parse(args, OPTIONS, HELP);
  if (!parsed) return 0;
  const { values, positionals } = parsed;
  const file = values.file ?? (values.follow ? 'stdout' : 'output');
  if (!Object.hasOwn(RUN_FILES, file))
    throw usage(`--file "${file}": it is one of ${Object.keys(RUN_FILES).join(', ')}`);
  const { run_id, ...scope } = runScopeOf(values, positionals);
  const tail = countOf('tail', values.tail);
  const local = await openLocal({ root: rootOf(values), config: values.config });
  try {
    await writeLogs(local, scope, {
      file: file as RunFile,
      ...(values.follow ? { follow: true } : {}),
      ...(tail === undefined ? {} : { tail }),
      ...(run_id === undefined ? {} : { run: run_id }),
    });
    return 0;
  } finally {
    await local.bus.close();
  }
};
