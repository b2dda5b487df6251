import { resolve } from 'node:path';
import { mergeMap } from 'rxjs';
import { ConductorError } from '../../core/errors.js';
import { findService } from '../../storage/root.js';
import { openLocal } from '../local.js';
import { readPrompt } from '../prompt.js';
import { log } from '../system.js';
import { readRequest, type CreateOptions } from './create-options.js';
import { awaitEnd } from './end.js';
import { chooseAgent, promptOfFolder, requestLoop, requestTask } from './request.js';

/** Prints the task's id and nothing else. Returns the exit code. */
export const createTask = async (options: CreateOptions): Promise<number> => {
  const { timeout_ms, depends_on, loop, ...asked } = readRequest(options);
  const local = await openLocal(options);
  try {
    const scope = {
      project_id: options.project ?? 'default',
      task_id: options.task ?? local.ids.taskId('task'),
    };
    const prompt = asked.prompt ?? readPrompt(undefined, promptOfFolder(local.runs.folder(scope)));
    if (prompt === undefined)
      throw new ConductorError(
        'usage',
        `what is it to do? Give --prompt or --prompt-file, or write ${local.runs.folder(scope)}/TASK.md`,
      );
    const agent = chooseAgent(local, options.agent, (message) => log.warn(message));
    const since = await local.bus.end();
    const request = {
      prompt,
      cwd: resolve(options.cwd ?? '.'),
      agent,
      timeout_ms: timeout_ms ?? local.config.agents[agent]?.timeout ?? local.config.defaults.timeout,
      ...(depends_on === undefined ? {} : { depends_on }),
    };
    const msg_id = loop
      ? await requestLoop(local, scope, request, loop)
      : (await requestTask(local, scope, request)).msg_id;
    process.stdout.write(options.json ? `${JSON.stringify({ ...scope, msg_id })}\n` : `${scope.task_id}\n`);
    if (options.wait)
      return await awaitEnd(local.bus.follow(since).pipe(mergeMap(({ events }) => events)), scope, msg_id);
    if (process.stderr.isTTY && !findService(local.root.path))
      log.info('no service serves this root: the task is pending until "conductor serve" does');
    return 0;
  } finally {
    await local.bus.close();
  }
};
