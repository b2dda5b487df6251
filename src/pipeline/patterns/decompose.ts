import { z } from 'zod';
import type { Step } from '../../core/handler.js';
import { common, commonOf, DEFAULT_PROMPT, templateSchema } from '../syntax/parts.js';
import type { Pattern } from './pattern.js';
import { scoped, work, workerSchema, type Worker } from './worker.js';

const planOf = (most: number) => ({
  type: 'object',
  properties: {
    parts: {
      type: 'array',
      minItems: 1,
      maxItems: most,
      items: {
        type: 'object',
        properties: { title: { type: 'string' }, task: { type: 'string' }, simple: { type: 'boolean' } },
        required: ['title', 'task', 'simple'],
        additionalProperties: false,
      },
    },
  },
  required: ['parts'],
  additionalProperties: false,
});

interface Decompose {
  agent: Worker;
  worker: Worker;
  combine: Worker;
  max_parts: number;
  max_concurrent: number;
}

/** `levels` more plans may be made below this one. */
const level = (given: Decompose, task: string, levels: number): Step[] => {
  const plan = work(given.agent, {
    id: 'plan',
    schema: planOf(given.max_parts),
    prompt: `Break this task into independent parts, ${given.max_parts} at most. Do not do them. "task" of a part is all that whoever does it will read.
${levels > 0 ? 'A part that needs no further breaking up is "simple".' : ''}

The task:
${task}`,
    env: { TASK: task, LEVELS_LEFT: String(levels) },
  });
  const doing = work(given.worker, {
    id: 'part',
    prompt: '{{ item.title }}\n\n{{ item.task | fence }}',
    env: { TITLE: '{{ item.title }}', TASK: '{{ item.task }}' },
  });
  const steps: Step[] =
    levels === 0
      ? [doing]
      : [
          {
            kind: 'branch',
            id: 'part',
            on_error: 'fail',
            cases: [{ when: 'item.?simple.orValue(false)', steps: [doing] }],
            else: [scoped({ id: 'below' }, level(given, '{{ item.task | fence }}', levels - 1))],
          },
        ];
  const parts: Step = {
    kind: 'map',
    id: 'parts',
    on_error: 'fail',
    items: { from: 'steps.plan.data.parts' },
    max_concurrent: given.max_concurrent,
    fail_fast: false,
    steps,
  };
  const combine = work(given.combine, {
    id: 'combine',
    prompt: `The task below was done in parts. Make one whole of what they gave.\n\nThe task:\n${task}\n\nThe parts:\n{% for part in steps.parts.data.items %}## {{ part.item.title | fence }}\n{{ part.output | fence }}\n{% endfor %}`,
    env: { TASK: task, RESULTS: '{% for part in steps.parts.data.items %}{{ part.output }}{% endfor %}' },
  });
  return [plan, parts, combine];
};

/** An agent plans, the parts are done, or planned in turn, down to a depth; what they gave is put together again. */
export const decompose = {
  keys: ['decompose'],
  schema: (step) =>
    z
      .strictObject({
        ...common,
        decompose: z.strictObject({
          agent: workerSchema(step),
          prompt: templateSchema.default(DEFAULT_PROMPT),
          /** Default: the planner. */
          worker: workerSchema(step).optional(),
          combine: workerSchema(step).optional(),
          /** Levels of plans. */
          depth: z.int().min(1).max(6).default(2),
          max_parts: z.int().min(1).max(100).default(8),
          max_concurrent: z.int().min(1).max(1_000).default(16),
        }),
      })
      .transform(({ decompose: { prompt, depth, worker, combine, ...given }, ...one }): Step => {
        const whole = { ...given, worker: worker ?? given.agent, combine: combine ?? worker ?? given.agent };
        return scoped(commonOf(one), level(whole, prompt, depth - 1));
      }),
} satisfies Pattern;
