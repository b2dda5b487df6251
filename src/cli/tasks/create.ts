import { resolve } from 'node:path';
import { filter, firstValueFrom, mergeMap, tap } from 'rxjs';
import { parseDuration } from '../../core/duration.js';
import { ConductorError } from '../../core/errors.js';
import type { Event } from '../../core/event.js';
import type { RunStarted } from '../../core/ledger-view.js';
import { LOOP_CHECK, LOOP_TURN } from '../../core/loop.js';
import { findService } from '../../storage/root.js';
import { openLiveTree } from '../live-tree.js';
import { openLocal, type Local } from '../local.js';
import { loopOf } from '../loop-options.js';
import { readPrompt } from '../prompt.js';
import { scopesOf } from '../run-agent/options.js';
import { log } from '../system.js';
import { chooseAgent, promptOfFolder, requestLoop, requestTask, type Scope } from './request.js';

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

/** The meaning of the end of the activation, or of the task's loop. */
const ending = async (local: Local, scope: Scope, msg_id: string, since: string): Promise<number> => {
  const activation = `task/${msg_id}`;
  const ends = ({ type, data, project_id, task_id }: Event): boolean => {
    if (type === 'HANDLER_FINISHED') return data['activation'] === activation;
    if (project_id !== scope.project_id || task_id !== scope.task_id) return false;
    return type === 'RUN_LOOP_ENDED' || (type === 'TASK_STOPPED' && (data['activation'] ?? activation) === activation);
  };
  const isEnd = (event: Event): boolean => event.authentic && ends(event);
  const isTurn = ({ step, project_id, task_id }: RunStarted): boolean =>
    (step === LOOP_TURN || step === LOOP_CHECK) && project_id === scope.project_id && task_id === scope.task_id;
  const tree = openLiveTree((start) => start.activation === activation || isTurn(start));
  const end = await firstValueFrom(
    local.bus.follow(since).pipe(
      mergeMap((batch) => batch.events),
      tap((event) => tree.on(event)),
      filter(isEnd),
    ),
  ).finally(() => tree.close());
  const exit = end.type === 'TASK_STOPPED' ? 1 : Number(end.data['exit']);
  if (exit !== 0) log.error(typeof end.data['error'] === 'string' ? end.data['error'] : end.body);
  return exit;
};

/** Prints the task's id and nothing else. Returns the exit code. */
export const createTask = async (options: CreateOptions): Promise<number> => {
  const given = options.timeout === undefined ? undefined : parseDuration(options.timeout);
  if (options.timeout !== undefined && given === undefined)
    throw new ConductorError('usage', `--timeout "${options.timeout}" is no duration; write seconds (300) or 5m`);
  const loop = loopOf({
    ...options,
    'max-restarts': options.maxRestarts,
    'max-idle': options.maxIdle,
    'max-usd': options.maxUsd,
  });
  if (loop && options.dependsOn !== undefined)
    throw new ConductorError('usage', '--depends-on does not go with --until done');
  const local = await openLocal(options);
  try {
    const scope = {
      project_id: options.project ?? 'default',
      task_id: options.task ?? local.ids.taskId('task'),
    };
    const prompt =
      readPrompt(options.prompt, options.promptFile) ?? readPrompt(undefined, promptOfFolder(local.runs.folder(scope)));
    if (prompt === undefined)
      throw new ConductorError(
        'usage',
        `what is it to do? Give --prompt or --prompt-file, or write ${local.runs.folder(scope)}/TASK.md`,
      );
    const agent = chooseAgent(local, options.agent, (message) => log.warn(message));
    const depends_on = scopesOf(options.dependsOn ?? [], scope.project_id).map(
      ({ project_id, task_id }) => `${project_id}/${task_id}`,
    );
    const since = await local.bus.end();
    const request = {
      prompt,
      cwd: resolve(options.cwd ?? '.'),
      agent,
      timeout_ms: given ?? local.config.agents[agent]?.timeout ?? local.config.defaults.timeout,
      ...(depends_on.length === 0 ? {} : { depends_on }),
    };
    const msg_id = loop
      ? await requestLoop(local, scope, request, loop)
      : (await requestTask(local, scope, request)).msg_id;
    process.stdout.write(options.json ? `${JSON.stringify({ ...scope, msg_id })}\n` : `${scope.task_id}\n`);
    if (options.wait) return await ending(local, scope, msg_id, since);
    if (process.stderr.isTTY && !findService(local.root.path))
      log.info('no service serves this root: the task is pending until "conductor serve" does');
    return 0;
  } finally {
    await local.bus.close();
  }
};
