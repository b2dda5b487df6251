import { join } from 'node:path';
import type { AttemptSpec, Clock, Runs } from '../core/ports.js';
import { NOT_ENDED, type RunInfo } from '../core/run.js';

/** run-info.yaml of a run whose process is not there yet. */
export const describeRun = (
  { runs, clock }: { runs: Runs; clock: Clock },
  spec: Omit<AttemptSpec, 'prompt' | 'env'>,
): RunInfo => {
  const folder = runs.folder(spec);
  return {
    version: 1,
    run_id: spec.run_id,
    ...(spec.parent_run_id === undefined ? {} : { parent_run_id: spec.parent_run_id }),
    ...(spec.previous_run_id === undefined ? {} : { previous_run_id: spec.previous_run_id }),
    project_id: spec.project_id,
    task_id: spec.task_id,
    agent: spec.agent,
    process_ownership: 'managed',
    pid: -1,
    pgid: -1,
    start_time: new Date(clock.now()).toISOString(),
    end_time: NOT_ENDED,
    exit_code: -1,
    status: 'running',
    cwd: spec.cwd,
    prompt_path: join(folder, 'prompt.md'),
    output_path: join(folder, 'output.md'),
    stdout_path: join(folder, 'agent-stdout.txt'),
    stderr_path: join(folder, 'agent-stderr.txt'),
    commandline: '',
    depth: spec.depth,
    trust: spec.trust,
    attempt: spec.attempt,
    ...(spec.activation === undefined ? {} : { activation: spec.activation }),
    ...(spec.step === undefined ? {} : { step: spec.step }),
    timeout_ms: spec.timeout_ms,
  };
};

const quoteWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** For people: what a shell would take for the same. */
export const commandline = (argv: readonly string[]): string => argv.map(quoteWord).join(' ');
