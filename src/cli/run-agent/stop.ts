import { endTask } from '../tasks/stop.js';
import { withLedger } from '../with-ledger.js';
import { findRun, RUN_SELECTION, runScopeOf } from './find-run.js';
import { COMMON, parse, rootOf } from './options.js';

const HELP = `run-agent stop (--project P --task T | --run-dir FOLDER) [--run ID] [--reason TEXT]

Ends a run, or everything of a task, with every process it started; nothing of the task is tried again.

Examples:
  run-agent stop --task port --reason 'wrong branch'
`;

const OPTIONS = { ...COMMON, ...RUN_SELECTION, reason: { type: 'string' } } as const;

export const run = async (args: string[]): Promise<number> => {
  const parsed = parse(args, OPTIONS, HELP);
  if (!parsed) return 0;
  const { values, positionals } = parsed;
  const scope = runScopeOf(values, positionals);
  const reason = `stopped: ${values.reason ?? 'asked for'}`;
  await withLedger({ root: rootOf(values), config: values.config }, async (opened) => {
    if (scope.run_id === undefined) {
      const ended = await endTask(opened, scope, reason);
      process.stderr.write(ended === 0 ? `nothing of ${scope.task_id} runs\n` : `${scope.task_id} is stopped\n`);
      return;
    }
    const found = await findRun(opened, scope);
    if (found.status === 'running') await opened.runner.stop(found, reason);
    process.stderr.write(
      `${found.run_id} ${found.status === 'running' ? 'is stopped' : `has ended: ${found.status}`}\n`,
    );
  });
  return 0;
};
