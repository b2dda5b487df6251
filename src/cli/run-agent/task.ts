import { resolve } from 'node:path';
import type { RunEnd } from '../../core/run.js';
import { LOOP_OPTIONS, loopOf } from '../loop-options.js';
import { openLocal, type Local } from '../local.js';
import { readPrompt } from '../prompt.js';
import { COMMON, durationOf, parse, projectOf, rootOf, scopesOf, taskOf, usage } from './options.js';
import { report, startLoop, startRun, type Start } from './start.js';

const HELP = `run-agent task --project-id P --task-id T --agent A (--prompt TEXT | --prompt-file FILE)

Starts one agent, once, and ends with its meaning: 0 success, 1 retriable, 2 permanent, 3 configuration.
Its final text goes to stdout, its progress to stderr; the run's files are in runs/<project>/<task>/<run_id>/.

  --project-id, --project   default: the surrounding run's, else "default"
  --task-id, --task         default: a new one
  --agent                   claude, codex, gemini, shell or a name of config.yaml
  --prompt, --prompt-file   what it is to do; the shell agent runs it as a script; "-" is standard input
  --depends-on TASK         starts when that task has completed; fails when it failed; several with commas, or again
  --cwd                     where it works; default: here
  --isolate worktree        in a git worktree of that, which is kept if it holds work afterwards
  --timeout                 seconds, or 5m; default 300
  --root, --config          default: runs (or CONDUCTOR_ROOT), config.yaml

Until it is done:
  --until done              starts it again until it has made the file DONE in the task's folder
  --verify COMMAND          DONE counts only when this succeeds; else the next turn is told why it did not
  --max-restarts N          default 100
  --max-idle N              gives up after so many turns in a row without a change in the folder; default 5
  --max-usd X               gives up when all turns together cost so much
  --session resume|fresh    goes on in the agent's own session, or begins anew; default fresh

Examples:
  run-agent task --task-id tests --agent codex --prompt 'write tests for sum.js' &
  run-agent task --task-id docs --agent claude --prompt-file docs.md --depends-on tests
  run-agent task --task-id port --agent claude --prompt-file port.md --until done --verify 'npm test'
`;

export const RUN_OPTIONS = {
  ...COMMON,
  agent: { type: 'string' },
  prompt: { type: 'string' },
  'prompt-file': { type: 'string' },
  cwd: { type: 'string' },
  timeout: { type: 'string' },
  'depends-on': { type: 'string', multiple: true },
} as const;

/** Works in a worktree of the folder, and says where it is when it was kept. */
const inWorktree = async (local: Local, start: Start, work: (start: Start) => Promise<RunEnd>): Promise<RunEnd> => {
  const repository = resolve(start.cwd ?? '.');
  const name = `${start.project_id}-${start.task_id}-${local.ids.runId()}`.slice(-200).replace(/^[^A-Za-z0-9]+/, '');
  const cwd = await local.workspaces.open({ repository, name });
  const end = await work({ ...start, cwd });
  const closed = await local.workspaces.close(cwd);
  if (!closed.removed) process.stderr.write(`· its work is in ${cwd} (${closed.reason})\n`);
  return end;
};

export const run = async (args: string[]): Promise<number> => {
  const parsed = parse(args, { ...RUN_OPTIONS, ...LOOP_OPTIONS, isolate: { type: 'string' } }, HELP);
  if (!parsed) return 0;
  const { values, positionals } = parsed;
  if (positionals.length > 0) throw usage(`"${positionals.join(' ')}" is no option; see run-agent task --help`);
  const project_id = projectOf(values);
  const named = taskOf(values);
  const timeout_ms = durationOf('timeout', values.timeout);
  const prompt = readPrompt(values.prompt, values['prompt-file']);
  if (prompt === undefined) throw usage('give either --prompt or --prompt-file');
  const loop = loopOf(values);
  const { isolate } = values;
  if (isolate !== undefined && isolate !== 'worktree')
    throw usage(`--isolate "${isolate}": there is only --isolate worktree`);
  const dependencies = scopesOf(values['depends-on'] ?? [], project_id);

  const local = await openLocal({ root: rootOf(values), config: values.config });
  try {
    const task_id = named ?? local.ids.taskId('task');
    if (dependencies.length > 0) {
      const { awaitDependencies } = await import('./depends-on.js');
      await awaitDependencies(local, { project_id, task_id }, dependencies);
    }
    const { agent, cwd } = values;
    const start = { project_id, task_id, agent, prompt, cwd, timeout_ms };
    const work = (one: Start): Promise<RunEnd> => (loop ? startLoop(local, one, loop) : startRun(local, one));
    return report(isolate === undefined ? await work(start) : await inWorktree(local, start, work));
  } finally {
    await local.bus.close();
  }
};
