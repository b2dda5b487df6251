import { ConductorError } from '../core/errors.js';
import type { Event } from '../core/event.js';
import { handlerFileSchema, type Handler } from '../core/handler.js';
import type { Agents } from '../core/ports.js';
import { TASK_HANDLER, taskRequestSchema } from '../core/task.js';

/**
 * The one step that TASK_REQUESTED asks for. The prompt and the folder are put in as data, never read as templates.
 * Throws when the agent cannot run here: another must not take its place, `shell` least of all.
 */
export const taskHandler = (event: Event, agents: Agents): Handler => {
  const request = taskRequestSchema.safeParse(event.data);
  if (!request.success) {
    const issue = request.error.issues[0]!;
    throw new ConductorError('bad_request', `TASK_REQUESTED: ${issue.path.join('.')}: ${issue.message}`);
  }
  const { agent, timeout_ms } = request.data;
  const { steps } = handlerFileSchema.parse({
    name: 'task',
    steps: [
      {
        id: 'run',
        agent: agents.find(agent).name,
        prompt: '{{ event.data.prompt }}',
        cwd: '{{ event.data.cwd }}',
        timeout: `${timeout_ms}ms`,
      },
    ],
  });
  return { name: TASK_HANDLER, steps, hash: TASK_HANDLER, file: '/' };
};
