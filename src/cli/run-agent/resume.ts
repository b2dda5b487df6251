import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ConductorError } from '../../core/errors.js';
import { resumptionOf } from '../../core/resumption.js';
import { openLocal } from '../local.js';
import { readPrompt } from '../prompt.js';
import { withLedger } from '../with-ledger.js';
import { findRun, RUN_SELECTION, runScopeOf } from './find-run.js';
import { durationOf, parse, rootOf } from './options.js';
import { report, resumeLoop, startRun } from './start.js';
import { RUN_OPTIONS } from './task.js';

const HELP = `run-agent resume --project P --task T [--agent A] [--prompt TEXT | --prompt-file FILE]

Goes on with the newest run of a task: in its agent's session where it can, else with its prompt once more, in its
folder and with its agent unless told otherwise. A DONE file is removed.
A loop (--until done) that nobody carries any more goes on where it was.

Examples:
  run-agent resume --task port
  run-agent resume --task port --agent codex --prompt 'now the tests'
`;

const OPTIONS = { ...RUN_OPTIONS, ...RUN_SELECTION } as const;

export const run = async (args: string[]): Promise<number> => {
  const parsed = parse(args, OPTIONS, HELP);
  if (!parsed) return 0;
  const { values, positionals } = parsed;
  const scope = runScopeOf(values, positionals);
  const timeout_ms = durationOf('timeout', values.timeout);
  const given = readPrompt(values.prompt, values['prompt-file']);
  const place = { root: rootOf(values), config: values.config };
  const loop = await withLedger(place, async ({ ledger }) =>
    ledger.view.loops.get(`${scope.project_id}/${scope.task_id}`),
  );
  const local = await openLocal(place);
  try {
    if (loop && !loop.ended && given === undefined && values.agent === undefined)
      return report(await resumeLoop(local, loop));
    const last = await findRun(local, scope);
    if (last.status === 'running')
      throw new ConductorError('conflict', `${last.run_id} of ${last.task_id} runs: stop it first`);
    await rm(join(local.runs.folder({ project_id: last.project_id, task_id: last.task_id }), 'DONE'), { force: true });
    const agent = local.agents.find(values.agent ?? last.agent);
    const asked = await readFile(last.prompt_path, 'utf8');
    return report(
      await startRun(local, {
        project_id: last.project_id,
        task_id: last.task_id,
        agent: agent.name,
        ...resumptionOf(last, agent, { asked, told: given }),
        cwd: values.cwd ?? (existsSync(last.cwd) ? last.cwd : undefined),
        timeout_ms: timeout_ms ?? last.timeout_ms,
      }),
    );
  } finally {
    await local.bus.close();
  }
};
