import { z } from 'zod';
import type { Step } from '../../core/handler.js';
import { common, commonOf, DEFAULT_PROMPT, templateSchema } from '../syntax/parts.js';
import type { Pattern } from './pattern.js';
import { objectOf, scoped, work, workerSchema } from './worker.js';

const ACCEPTANCE = objectOf({ accepted: { type: 'boolean' }, missing: { type: 'array', items: { type: 'string' } } });

const workersSchema = z
  .union([
    z.array(z.string().min(1)).min(1),
    z.record(z.string(), z.string()).refine((workers) => Object.keys(workers).length > 0, 'name a worker'),
  ])
  .transform((workers) =>
    Array.isArray(workers)
      ? workers.map((name) => ({ name, task: '' }))
      : Object.entries(workers).map(([name, task]) => ({ name, task })),
  );

/** One agent hands out work to others, by run-agent or by the tools of the service, and goes on until the acceptance criteria are met. */
export const supervise = {
  keys: ['supervise'],
  schema: (step) =>
    z
      .strictObject({
        ...common,
        supervise: z.strictObject({
          agent: workerSchema(step),
          prompt: templateSchema.default(DEFAULT_PROMPT),
          /** Names of agents, or what each is for. */
          workers: workersSchema,
          criteria: z.array(z.string().min(1)).default([]),
          /** Judges the criteria; or a command, which accepts when it ends with 0. Default: the first worker. */
          accept: workerSchema(step).optional(),
          max_rounds: z.int().min(1).max(100).default(5),
        }),
      })
      .transform(({ supervise: given, ...one }): Step => {
        const workers = given.workers.map(({ name, task }) => `- ${name}${task ? `: ${task}` : ''}`).join('\n');
        const criteria = given.criteria.map((one_) => `- ${one_}`).join('\n');
        const accept = given.accept ?? given.workers[0]!.name;
        const isScript = typeof accept === 'object' && accept.kind === 'shell';
        const supervisor = work(given.agent, {
          id: 'supervisor',
          prompt: `You are the supervisor. Hand out the work below to the workers, put together what they give you, and see that it is good.

A worker is started with: run-agent task --agent NAME --prompt 'what it is to do'
It prints its answer and ends with 0 when it succeeded. Or, where you have the tools of "conductor", with spawn_run
(agent: NAME), whose answer wait_runs gives. Workers may run at the same time.

Workers:
${workers}
${criteria ? `\nIt is done when all of this holds:\n${criteria}\n` : ''}
The work:
${given.prompt}{% if iteration > 1 %}

It was not accepted yet:
{{ steps.accept.output | fence }}
{{ steps.accept.error | fence }}{% endif %}`,
          env: {
            WORKERS: given.workers.map(({ name }) => name).join(' '),
            FEEDBACK: '{% if iteration > 1 %}{{ steps.accept.output }}{{ steps.accept.stderr }}{% endif %}',
          },
        });
        const acceptance = work(accept, {
          id: 'accept',
          on_error: 'continue',
          ...(isScript ? {} : { schema: ACCEPTANCE }),
          prompt: `Is the work below done? Accept it only when all criteria hold; else say what is missing. Change nothing.\n\nCriteria:\n${criteria || '- it does what was asked'}\n\nWhat was asked:\n${given.prompt}\n\nWhat was done:\n{{ steps.supervisor.output | fence }}`,
          env: { WORK_OUTPUT: '{{ steps.supervisor.output }}' },
        });
        return scoped(
          commonOf(one),
          [
            {
              kind: 'repeat',
              id: 'rounds',
              on_error: 'fail',
              until: 'steps.accept.ok && steps.accept.data.?accepted.orValue(true)',
              max: given.max_rounds,
              on_max: 'fail',
              delay: 0,
              steps: [supervisor, acceptance],
            },
          ],
          { text: '{{ steps.supervisor.output }}', data: '{"rounds": steps.rounds.data.iterations}' },
        );
      }),
} satisfies Pattern;
