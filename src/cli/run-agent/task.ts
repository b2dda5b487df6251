import { LOOP_OPTIONS, loopOf } from '../loop-options.js';
import { openLocal } from '../local.js';
import { readPrompt } from '../prompt.js';
import { COMMON, durationOf, parse, projectOf, rootOf, scopesOf, taskOf, usage } from './options.js';
import { report, startLoop, startRun } from './start.js';

const HELP = `run-agent task --project-id P --task-id T --agent A (--prompt TEXT | --prompt-file FILE)

Starts one agent, once, and ends with its meaning: 0 success, 1 retriable, 2 permanent, 3 configuration.
Its final text goes to stdout, its progress to stderr; the run's files are in runs/<project>/<task>/<run_id>/.

  --project-id, --project   default: the surrounding run's, else "default"
  --task-id, --task         default: a new one
  --agent                   claude, codex, gemini, shell or a name of config.yaml
  --prompt, --prompt-file   what it is to do; the shell agent runs it as a script; "-" is standard input
  --depends-on TASK         starts when that task has completed; fails when it failed; several with commas, or again
  --cwd                     where it works; default: here
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

export const run = async (args: string[]): Promise<number> => {
  const parsed = parse(args, { ...RUN_OPTIONS, ...LOOP_OPTIONS }, HELP);
  if (!parsed) return 0;
  const { values, positionals } = parsed;
  if (positionals.length > 0) throw usage(`"${positionals.join(' ')}" is no option; see run-agent task --help`);
  const project_id = projectOf(values);
  const named = taskOf(values);
  const timeout_ms = durationOf('timeout', values.timeout);
  const prompt = readPrompt(values.prompt, values['prompt-file']);
  if (prompt === undefined) throw usage('give either --prompt or --prompt-file');
  const loop = loopOf(values);
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
    return report(loop ? await startLoop(local, start, loop) : await startRun(local, start));
  } finally {
    await local.bus.close();
  }
};
