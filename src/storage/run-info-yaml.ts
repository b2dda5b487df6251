import { parse, stringify } from 'yaml';
import { ConductorError } from '../core/errors.js';
import type { RunInfo } from '../core/run.js';

/** conductor-loop's keys in its order, then ours. The compiler holds this list complete. */
const ORDER = Object.keys({
  version: 0,
  run_id: 0,
  parent_run_id: 0,
  previous_run_id: 0,
  project_id: 0,
  task_id: 0,
  agent: 0,
  process_ownership: 0,
  pid: 0,
  pgid: 0,
  start_time: 0,
  end_time: 0,
  exit_code: 0,
  status: 0,
  cwd: 0,
  prompt_path: 0,
  output_path: 0,
  stdout_path: 0,
  stderr_path: 0,
  commandline: 0,
  error_summary: 0,
  agent_version: 0,
  depth: 0,
  trust: 0,
  attempt: 0,
  activation: 0,
  step: 0,
  timeout_ms: 0,
  pid_start: 0,
  signal: 0,
  session_id: 0,
  model: 0,
  usage: 0,
  cost_usd: 0,
  commits: 0,
} satisfies Record<keyof RunInfo, 0>) as (keyof RunInfo)[];

/** Text that means itself to every reader of YAML: a path, words, an id or a time of ours. */
const PLAIN = /^(?:\/?[A-Za-z][\w./-]*(?: [\w./-]+)*|\d{8}-[\d-]+|\d{4}-\d\d-\d\dT[\d:.]+Z)$/;
const WORDS = /^(?:true|false|null|yes|no|on|off|y|n)$/i;
/** In double quotes JSON and YAML say the same of these. */
const PRINTABLE = /^[ -~]*$/;

/** Most values are written at once: the library takes a hundred times as long, and each start waits for two of these. */
const line = (key: string, value: unknown): string => {
  if (typeof value === 'number' && Number.isInteger(value)) return `${key}: ${value}\n`;
  if (typeof value === 'string' && PLAIN.test(value) && !WORDS.test(value)) return `${key}: ${value}\n`;
  if (typeof value === 'string' && PRINTABLE.test(value)) return `${key}: ${JSON.stringify(value)}\n`;
  // One line a value: other tools read this file line by line.
  return stringify({ [key]: value }, { lineWidth: 0, blockQuote: false });
};

export const encodeRunInfo = (info: RunInfo): string =>
  ORDER.map((key) => (info[key] === undefined ? '' : line(key, info[key]))).join('');

export const decodeRunInfo = (text: string, file: string): RunInfo => {
  let value: unknown;
  try {
    // Core schema: a time stays the text that it is.
    value = parse(text, { schema: 'core' });
  } catch (error) {
    throw new ConductorError('invalid_file', `not YAML: ${(error as Error).message}`, {
      cause: error,
      position: { file },
    });
  }
  const info = value as Partial<RunInfo> | null;
  if (
    typeof info !== 'object' ||
    info === null ||
    typeof info.run_id !== 'string' ||
    typeof info.project_id !== 'string' ||
    typeof info.task_id !== 'string' ||
    typeof info.status !== 'string'
  ) {
    throw new ConductorError('invalid_file', 'not a run-info: run_id, project_id, task_id or status is missing', {
      position: { file },
    });
  }
  return info as RunInfo;
};
