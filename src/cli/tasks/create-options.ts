import { parseDuration } from '../../core/duration.js';
import { ConductorError } from '../../core/errors.js';
import type { LoopOptions } from '../../core/loop.js';
import { loopOf } from '../loop-options.js';
import { readPrompt } from '../prompt.js';
import { scopesOf } from '../run-agent/options.js';

export interface CreateOptions {
  root: string;
  config?: string;
  project: string | undefined;
  task: string | undefined;
  agent?: string;
  prompt?: string;
  promptFile?: string;
  cwd?: string;
  timeout?: string;
  dependsOn?: string[];
  until?: string;
  verify?: string;
  maxRestarts?: string;
  maxIdle?: string;
  maxUsd?: string;
  session?: string;
  wait?: boolean;
  json?: boolean;
}

/** What is asked for, wherever it is to be done. @throws ConductorError `usage` */
export const readRequest = (
  options: CreateOptions,
): {
  prompt: string | undefined;
  timeout_ms: number | undefined;
  depends_on: string[] | undefined;
  loop: LoopOptions | undefined;
} => {
  const timeout_ms = options.timeout === undefined ? undefined : parseDuration(options.timeout);
  if (options.timeout !== undefined && timeout_ms === undefined)
    throw new ConductorError('usage', `--timeout "${options.timeout}" is no duration; write seconds (300) or 5m`);
  const loop = loopOf({
    ...options,
    'max-restarts': options.maxRestarts,
    'max-idle': options.maxIdle,
    'max-usd': options.maxUsd,
  });
  const depends_on = scopesOf(options.dependsOn ?? [], options.project ?? 'default').map(
    ({ project_id, task_id }) => `${project_id}/${task_id}`,
  );
  return {
    prompt: readPrompt(options.prompt, options.promptFile),
    timeout_ms,
    depends_on: depends_on.length === 0 ? undefined : depends_on,
    loop,
  };
};
