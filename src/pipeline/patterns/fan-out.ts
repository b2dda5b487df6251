import { z } from 'zod';
import type { Step } from '../../core/handler.js';
import { common, commonOf, templateSchema } from '../syntax/parts.js';
import type { Pattern } from './pattern.js';
import { scoped, work, workerSchema } from './worker.js';

/** Fan-out, fan-in: one agent for each task, then one that sees what all of them gave. */
export const fanOut: Pattern = {
  keys: ['fan_out', 'fan_in'],
  schema: (step) =>
    z
      .strictObject({
        ...common,
        fan_out: z.strictObject({
          agent: workerSchema(step),
          tasks: z.array(z.string().min(1)).min(1),
          parallel: z.boolean().default(true),
          max_concurrent: z.int().min(1).max(1_000).default(16),
          /** How many tasks must succeed; default: all. */
          at_least: z.int().min(0).optional(),
          prompt: templateSchema.optional(),
        }),
        fan_in: z
          .strictObject({ agent: workerSchema(step), task: z.string().min(1), prompt: templateSchema.optional() })
          .optional(),
      })
      .transform(({ fan_out, fan_in, ...one }): Step => {
        const task = work(fan_out.agent, {
          id: 'task',
          prompt: fan_out.prompt ?? 'Your part of the task is: {{ item }}\n\nThe whole task:\n{{ event.body | fence }}',
          env: { TASK: '{{ item }}' },
        });
        const tasks: Step = {
          kind: 'map',
          id: 'tasks',
          on_error: 'fail',
          items: { list: fan_out.tasks.map((name) => name.replaceAll('{{', '{ {').replaceAll('{%', '{ %')) },
          max_concurrent: fan_out.parallel ? fan_out.max_concurrent : 1,
          fail_fast: false,
          ...(fan_out.at_least === undefined ? {} : { at_least: fan_out.at_least }),
          steps: [task],
        };
        if (!fan_in) return scoped(commonOf(one), [tasks]);
        const prompt =
          fan_in.prompt ?? `Your task is: ${fan_in.task}\n\nWhat was done:\n{{ steps.tasks.output | fence }}`;
        const all = work(fan_in.agent, {
          id: 'fan_in',
          name: fan_in.task,
          prompt,
          env: { TASK: fan_in.task, RESULTS: '{{ steps.tasks.output }}' },
        });
        return scoped(commonOf(one), [tasks, all]);
      }),
};
