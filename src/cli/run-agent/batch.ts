import { openLiveTree } from '../live-tree.js';
import { openLocal } from '../local.js';
import { readPrompt } from '../prompt.js';
import { checkId, countOf, durationOf, parse, projectOf, rootOf, usage } from './options.js';
import { startRun } from './start.js';
import { RUN_OPTIONS } from './task.js';

const HELP = `run-agent batch --agent A --prompt TEXT --prompt TEXT … [--prompt-file FILE …] [--task ID …]

Several runs, one after the other unless told otherwise. One line a run on stdout: task, run, status, meaning; a terminal
shows the runs as they go. Ends with the meaning of the worst.

  --task               one for each prompt, in order; default: new ones
  --max-concurrent N   that many beside each other
  --continue-on-fail   goes on after a failure
  --agent, --cwd, --timeout, --project, --root, --config   as for "run-agent task"

Examples:
  run-agent batch --agent claude --prompt-file a.md --prompt-file b.md --max-concurrent 2
`;

const OPTIONS = {
  ...RUN_OPTIONS,
  prompt: { type: 'string', multiple: true },
  'prompt-file': { type: 'string', multiple: true },
  task: { type: 'string', multiple: true },
  'task-id': { type: 'string', multiple: true },
  'max-concurrent': { type: 'string' },
  'continue-on-fail': { type: 'boolean' },
} as const;

export const run = async (args: string[]): Promise<number> => {
  const parsed = parse(args, OPTIONS, HELP);
  if (!parsed) return 0;
  const { values } = parsed;
  const project_id = projectOf({ project: values.project, 'project-id': values['project-id'] });
  const prompts = [
    ...(values.prompt ?? []),
    ...(values['prompt-file'] ?? []).map((file) => readPrompt(undefined, file) ?? ''),
  ];
  if (prompts.length === 0) throw usage('give at least one --prompt or --prompt-file');
  const tasks = [...(values['task-id'] ?? []), ...(values.task ?? [])].map((id) => checkId('task-id', id));
  if (tasks.length > 0 && tasks.length !== prompts.length)
    throw usage(`${prompts.length} prompts and ${tasks.length} tasks: one task for each prompt, or none`);
  const lanes = countOf('max-concurrent', values['max-concurrent']) ?? 1;
  if (lanes < 1) throw usage('--max-concurrent: at least 1');
  const timeout_ms = durationOf('timeout', values.timeout);

  const local = await openLocal({ root: rootOf(values), config: values.config });
  let worst = 0;
  const waiting = [...prompts.entries()].map(([index, prompt]) => ({
    prompt,
    task_id: tasks[index] ?? local.ids.taskId('task'),
  }));
  const ours = new Set(waiting.map(({ task_id }) => task_id));
  const tree = openLiveTree((start) => start.project_id === project_id && ours.has(start.task_id), { plain: false });
  const telling = local.bus.follow(await local.bus.end()).subscribe({
    next: ({ events }) => {
      for (const event of events) tree.on(event);
    },
    // Whoever cannot read the bus is told so by the runs.
    error: () => undefined,
  });
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      if (worst !== 0 && !values['continue-on-fail']) return;
      const { prompt, task_id } = next;
      const end = await startRun(local, {
        project_id,
        task_id,
        agent: values.agent,
        prompt,
        cwd: values.cwd,
        timeout_ms,
        progress: process.stderr.isTTY ? 'none' : 'lines',
      });
      worst = Math.max(worst, end.exit);
      // The tree may not have heard of it yet.
      for await (const stop of local.bus.read({ run_id: end.run_id, types: ['RUN_STOP'], tail: 1 })) tree.on(stop);
      tree.above(() => {
        process.stdout.write(`${[task_id, end.run_id, end.status, end.exit].join('\t')}\n`);
        if (end.status === 'failed')
          process.stderr.write(`ERROR: ${task_id}: ${end.error_summary ?? end.reason ?? ''}\n`);
      });
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(lanes, prompts.length) }, lane));
    return worst;
  } finally {
    telling.unsubscribe();
    tree.close();
    await local.bus.close();
  }
};
