import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { appendFile, copyFile, open, readFile, writeFile } from 'node:fs/promises';
import type { FailureClass, RunInfo } from '../core/run.js';

const ADVICE: Record<FailureClass, string> = {
  transient:
    'Try again; if it keeps failing, look at the stderr of the run and at the service that the agent talks to.',
  permanent: 'Trying again will not help: change the prompt, the budget or the credential, then start a new run.',
  configuration: 'Set up what is missing (program, credential, working directory or option), then start a new run.',
};

export interface Failure {
  info: RunInfo;
  message: string;
  class: FailureClass;
  /** The process's own code. */
  exit_code: number;
  stderr: string;
  ended: string;
  duration_ms: number;
}

const TITLE = '# Task Failed';
const SHOWN_OF_STDERR = 2_000;

/** Indented, so that nothing an agent wrote can end the block. */
const quoted = (text: string): string =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');

const reportOf = (failure: Failure): string => {
  const { info } = failure;
  const stderr =
    failure.stderr.trim() === ''
      ? ''
      : `\nThe end of its stderr:\n\n${quoted(failure.stderr.slice(-SHOWN_OF_STDERR))}\n`;
  return `${TITLE}

## Error
${failure.message}
${stderr}
## Context
- Task: ${info.task_id}
- Agent: ${info.agent}
- Timestamp: ${failure.ended}
- Exit Code: ${failure.exit_code}

## Attempted Actions
1. Ran \`${info.commandline}\` (attempt ${info.attempt}).
2. It ended after ${(failure.duration_ms / 1_000).toFixed(1)} s as a ${failure.class} failure.

## Environment
- Working directory: ${info.cwd}
- Relevant files: ${[info.prompt_path, info.stdout_path, info.stderr_path].join(', ')}

## Suggested Remediation
${ADVICE[failure.class]}
`;
};

/** How much of output.md is handed on in memory. The file is whole. */
const HANDED_ON = 1024 * 1024;
const REDACTED = 64 * 1024 * 1024;

/** So much is read and written at once: asking another thread for it takes longer. */
const SMALL = 64 * 1024;

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

const readStart = async (path: string): Promise<string> => {
  const size = sizeOf(path);
  if (size <= SMALL) return size === 0 ? '' : readFileSync(path, 'utf8');
  const handle = await open(path, 'r');
  try {
    // No more than is there: memory outside of the heap makes every start of a process slower.
    const bytes = Math.min(size, HANDED_ON);
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(bytes), 0, bytes, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
};

/** The agent wrote it itself, past us. Only a short one is read: what people put into a report, not a dump. */
const redactFile = async (path: string, redact: (text: string) => string): Promise<void> => {
  const size = sizeOf(path);
  if (size === 0 || size > REDACTED) return;
  const text = size <= SMALL ? readFileSync(path, 'utf8') : await readFile(path, 'utf8');
  const clean = redact(text);
  if (clean !== text) await writeFile(path, clean);
};

/** What the agent wrote, without the report that we appended. */
export const withoutReport = (text: string): string => {
  const at = text.lastIndexOf(TITLE);
  return at < 0 ? text : text.slice(0, at).trimEnd();
};

/**
 * Sees to it that output.md is there: the agent's own, else its final text, else its stdout; after a failure with the
 * report of it at the end. Returns what the agent wrote.
 */
export const settleOutput = async (
  info: RunInfo,
  finalText: string | undefined,
  failure: Failure | undefined,
  redact: (text: string) => string,
): Promise<string> => {
  const path = info.output_path;
  await redactFile(path, redact);
  if (sizeOf(path) === 0) {
    if (finalText !== undefined && finalText !== '') await writeFile(path, finalText);
    else if (sizeOf(info.stdout_path) > SMALL) await copyFile(info.stdout_path, path);
    else writeFileSync(path, existsSync(info.stdout_path) ? readFileSync(info.stdout_path) : '');
  }
  const output = await readStart(path);
  // Some agents report their failure themselves, as they were told to.
  if (!failure || output.includes(TITLE)) return output;
  await appendFile(path, `${output === '' ? '' : '\n\n'}${reportOf(failure)}`);
  return output;
};
