import { ConductorError } from '../core/errors.js';
import type { Event } from '../core/event.js';
import type { Handler } from '../core/handler.js';
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
  const { agent, timeout_ms, prompt } = request.data;
  const { name, backend } = agents.find(agent);
  return {
    name: TASK_HANDLER,
    steps: [
      {
        kind: 'agent',
        id: 'run',
        on_error: 'fail',
        agents: [name],
        // A shell's prompt is its script, and into a script nothing is put.
        prompt: backend === 'shell' ? prompt : '{{ event.data.prompt }}',
        output: 'text',
        cwd: '{{ event.data.cwd }}',
        env: {},
        timeout: timeout_ms,
        retry: { attempts: 1, base: 1_000, cap: 30_000, on: ['transient'] },
      },
    ],
    hash: TASK_HANDLER,
    file: '/',
    language: 'yaml',
  };
};
