import { openLocal } from '../local.js';
import { readPrompt } from '../prompt.js';
import { durationOf, parse, projectOf, rootOf, taskOf, usage } from './options.js';
import { report, startRun } from './start.js';
import { RUN_OPTIONS } from './task.js';

const HELP = `run-agent job --agent A (--prompt TEXT | --prompt-file FILE) [--follow]
run-agent job batch …

As "run-agent task", in the task of the surrounding run unless told another.

  --follow, -f        stdout of the agent while it works, instead of its final text
  --parent-run-id     default: the surrounding run
  --previous-run-id   the run that this one goes on from

Examples:
  run-agent job --agent codex --prompt 'fix the tests' --follow
  run-agent job batch --agent codex --prompt 'fix a' --prompt 'fix b'
`;

const OPTIONS = {
  ...RUN_OPTIONS,
  follow: { type: 'boolean', short: 'f' },
  'parent-run-id': { type: 'string' },
  'previous-run-id': { type: 'string' },
} as const;

export const run = async (args: string[]): Promise<number> => {
  if (args[0] === 'batch') return (await import('./batch.js')).run(args.slice(1));
  const parsed = parse(args, OPTIONS, HELP);
  if (!parsed) return 0;
  const { values, positionals } = parsed;
  if (positionals.length > 0) throw usage(`"${positionals.join(' ')}" is no option; see run-agent job --help`);
  const project_id = projectOf(values);
  const prompt = readPrompt(values.prompt, values['prompt-file']);
  if (prompt === undefined) throw usage('give either --prompt or --prompt-file');
  const timeout_ms = durationOf('timeout', values.timeout);
  const local = await openLocal({ root: rootOf(values), config: values.config });
  try {
    const end = await startRun(local, {
      project_id,
      task_id: taskOf(values) ?? (process.env['TASK_ID'] || local.ids.taskId('task')),
      agent: values.agent,
      prompt,
      cwd: values.cwd,
      timeout_ms,
      parent_run_id: values['parent-run-id'],
      previous_run_id: values['previous-run-id'],
      ...(values.follow ? { progress: 'lines' } : {}),
      onEvent: (event) => {
        if (values.follow && event.kind === 'text') process.stdout.write(event.delta ? event.text : `${event.text}\n`);
      },
    });
    if (!values.follow) return report(end);
    return report({ ...end, output: '' });
  } finally {
    await local.bus.close();
  }
};
