import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { RunEnd } from '../../core/run.js';
import { openLocal } from '../local.js';
import { readPrompt } from '../prompt.js';
import { clock } from '../system.js';
import { parse, projectOf, rootOf, usage } from './options.js';
import { startRun } from './start.js';
import { RUN_OPTIONS } from './task.js';

const HELP = `run-agent.sh AGENT CWD PROMPT_FILE

The oldest form: one run in runs/run_YYYYMMDD-HHMMSS-PID/ with prompt.md, agent-stdout.txt, agent-stderr.txt and
cwd.txt, whose last line is EXIT_CODE=n. While it runs, its process is in runs/run_….pid. Prints the folder.

Examples:
  run-agent.sh claude . prompts/fix.md
`;

const FILES = ['agent-stdout.txt', 'agent-stderr.txt'];

/** `YYYYMMDD-HHMMSS` of the local clock, as \`date\` would say it. */
const stamp = (at: Date): string => {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${at.getFullYear()}${two(at.getMonth() + 1)}${two(at.getDate())}-${two(at.getHours())}${two(at.getMinutes())}${two(at.getSeconds())}`;
};

export const run = async (args: string[]): Promise<number> => {
  const parsed = parse(args, RUN_OPTIONS, HELP);
  if (!parsed) return 0;
  const { values, positionals } = parsed;
  const [agent, cwd, file] = positionals;
  if (agent === undefined || cwd === undefined || file === undefined || positionals.length > 3)
    throw usage('run-agent.sh AGENT CWD PROMPT_FILE');
  if (!statSync(cwd, { throwIfNoEntry: false })?.isDirectory()) throw usage(`the folder ${cwd} is not there`);
  const prompt = readPrompt(undefined, file) ?? '';
  const local = await openLocal({ root: rootOf(values), config: values.config });
  try {
    // A wrong agent is said before anything is left on disk.
    local.agents.find(agent);
    const name = `run_${stamp(new Date(clock.now()))}-${process.pid}`;
    const folder = join(local.root.path, name);
    const pidFile = `${folder}.pid`;
    const note = join(folder, 'cwd.txt');
    mkdirSync(folder);
    writeFileSync(join(folder, 'prompt.md'), prompt);
    const facts = {
      RUN_ID: name,
      CWD: resolve(cwd),
      AGENT: agent,
      STDOUT: join(folder, FILES[0]!),
      STDERR: join(folder, FILES[1]!),
      PROMPT: join(folder, 'prompt.md'),
      PID: process.pid,
    };
    writeFileSync(
      note,
      Object.entries(facts)
        .map(([key, value]) => `${key}=${value}\n`)
        .join(''),
    );
    writeFileSync(pidFile, `${process.pid}\n`);
    process.stdout.write(`${relative(process.cwd(), folder) || folder}\n`);
    const scope = { project_id: projectOf(values), task_id: name };
    // Until the end the files are those of the run itself, so that they can be read while it works.
    const runId = (): string => {
      const run_id = local.ids.runId();
      const from = relative(folder, local.runs.folder({ ...scope, run_id }));
      for (const one of FILES) symlinkSync(join(from, one), join(folder, one));
      return run_id;
    };
    let end: RunEnd | undefined;
    try {
      end = await startRun(
        { ...local, ids: { ...local.ids, runId } },
        { ...scope, agent, prompt, cwd, timeout_ms: undefined },
      );
    } finally {
      settle(folder, end && local.runs.folder({ ...scope, run_id: end.run_id }));
      appendFileSync(note, `EXIT_CODE=${end?.exit ?? 1}\n`);
      rmSync(pidFile, { force: true });
    }
    if (end.status === 'failed') process.stderr.write(`ERROR: ${end.error_summary ?? end.reason ?? ''}\n`);
    return end.exit;
  } finally {
    await local.bus.close();
  }
};

/** Files of its own, so that the folder can be kept or moved without the other. */
const settle = (folder: string, from: string | undefined): void => {
  for (const name of FILES) {
    const to = join(folder, name);
    rmSync(to, { force: true });
    const source = from === undefined ? undefined : join(from, name);
    if (source !== undefined && existsSync(source)) copyFileSync(source, to);
    else writeFileSync(to, '');
  }
};
