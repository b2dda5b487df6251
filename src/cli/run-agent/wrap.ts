import { writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { execa } from 'execa';
import type { RunEnd, RunInfo } from '../../core/run.js';
import { startFact, stopFact } from '../../pipeline/run-attempts.js';
import { commandline, describeRun } from '../../runner/describe.js';
import { becomeOwner } from '../../runner/owner-lock.js';
import { inspect } from '../../runner/processes.js';
import { rawFolder } from '../../runner/raw-folder.js';
import { openLocal, type Local } from '../local.js';
import { binFolder } from '../package-folder.js';
import { surroundings } from '../surrounding.js';
import { clock } from '../system.js';
import { COMMON, parse, projectOf, rootOf, taskOf, usage } from './options.js';

const HELP = `run-agent wrap --agent A [--project P --task T] [--cwd FOLDER] [-- ARGUMENT …]

The agent's own program on this terminal, tracked as a run: who, where, when and how it ended. What is said on the
terminal is not kept. Ends with the program's own exit code.

Examples:
  alias claude='run-agent wrap --agent claude --'
`;

const OPTIONS = {
  ...COMMON,
  agent: { type: 'string' },
  cwd: { type: 'string' },
  'task-prompt': { type: 'string' },
} as const;

/** The person's own environment, with what a run is told. */
const environmentOf = (local: Local, info: RunInfo): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: [binFolder, process.env['PATH']].filter(Boolean).join(delimiter),
  CONDUCTOR_ROOT: local.root.path,
  CONDUCTOR_RUN_DIR: local.runs.folder(info),
  CONDUCTOR_TASK_DIR: local.runs.folder({ project_id: info.project_id, task_id: info.task_id }),
  CONDUCTOR_BUS: join(local.root.path, 'MESSAGE-BUS.md'),
  CONDUCTOR_OUTPUT: info.output_path,
  PROJECT_ID: info.project_id,
  TASK_ID: info.task_id,
  RUN_ID: info.run_id,
  PARENT_RUN_ID: info.parent_run_id ?? '',
  AGENT: info.agent,
  CURRENT_DEPTH: String(info.depth),
});

/** Ctrl-C is the program's: it reaches it by the terminal, and must not end us before we said how it ended. */
const ignoreSignals = (): (() => void) => {
  const ignore = (): void => undefined;
  const names = ['SIGINT', 'SIGQUIT', 'SIGTSTP'] as const;
  for (const name of names) process.on(name, ignore);
  return () => {
    for (const name of names) process.off(name, ignore);
  };
};

const wrap = async (local: Local, given: RunInfo, argv: readonly string[]): Promise<number> => {
  const [program = '', ...args] = argv;
  const raw = rawFolder(local.root.path, given.run_id);
  raw.make();
  const disown = await becomeOwner(raw.owner, new AbortController().signal);
  const heed = ignoreSignals();
  const request = { ...given, env: {}, prompt: '' };
  try {
    await local.bus.record([startFact(request, given.run_id, 1)]);
    const child = execa(program, args, {
      cwd: given.cwd,
      env: environmentOf(local, given),
      extendEnv: false,
      stdio: 'inherit',
      reject: false,
    });
    const { pid = -1 } = child;
    const start = inspect(pid)?.start;
    const info = { ...given, pid, pgid: process.pid, ...(start === undefined ? {} : { pid_start: start }) };
    await local.runs.update(info);
    const { exitCode, signal } = await child;
    const code = exitCode ?? (signal ? 128 + constants.signals[signal] : 1);
    const failed = code !== 0;
    const end: RunEnd = {
      kind: 'end',
      run_id: info.run_id,
      status: failed ? 'failed' : 'completed',
      exit: failed ? 1 : 0,
      ...(failed ? { class: 'transient' as const, error_summary: `it ended with the code ${code}` } : {}),
      exit_code: code,
      output: '',
      stderr: '',
      duration_ms: clock.now() - Date.parse(info.start_time),
    };
    await local.runs.update({
      ...info,
      end_time: new Date(clock.now()).toISOString(),
      exit_code: end.exit,
      status: end.status,
      ...(signal ? { signal } : {}),
      ...(end.error_summary === undefined ? {} : { error_summary: end.error_summary }),
    });
    await local.bus.record([stopFact(request, end)]);
    return code;
  } finally {
    heed();
    raw.remove();
    disown?.();
  }
};

export const run = async (args: string[]): Promise<number> => {
  const parsed = parse(args, OPTIONS, HELP);
  if (!parsed) return 0;
  const { values, positionals } = parsed;
  if (values.agent === undefined) throw usage('which agent? --agent claude -- ARGUMENT …');
  const project_id = projectOf(values);
  const named = taskOf(values);
  const local = await openLocal({ root: rootOf(values), config: values.config });
  try {
    const agent = local.agents.find(values.agent);
    if (agent.argv.length === 0) throw usage(`${values.agent} has no program of its own`);
    const argv = [...agent.argv, ...positionals];
    const info = describeRun(local, {
      run_id: local.ids.runId(),
      project_id,
      task_id: named ?? local.ids.taskId('wrap'),
      agent: agent.name,
      cwd: resolve(values.cwd ?? '.'),
      timeout_ms: 0,
      ...(await surroundings({ ...local, rootPath: local.root.path }, process.env)),
      attempt: 1,
    });
    await local.runs.create({ ...info, commandline: commandline(argv) }, values['task-prompt'] ?? '');
    for (const path of [info.stdout_path, info.stderr_path, info.output_path]) await writeFile(path, '');
    return await wrap(local, { ...info, commandline: commandline(argv) }, argv);
  } finally {
    await local.bus.close();
  }
};
