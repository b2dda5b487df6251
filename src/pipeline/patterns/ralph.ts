import { z } from 'zod';
import type { Step } from '../../core/handler.js';
import { durationSchema } from '../../core/schema-parts.js';
import { common, commonOf, DEFAULT_PROMPT, templateSchema } from '../syntax/parts.js';
import type { Pattern } from './pattern.js';
import { scoped, work, workerSchema } from './worker.js';

const script = (id: string, text: string, on_error: 'fail' | 'continue'): Step => ({
  kind: 'shell',
  id,
  on_error,
  output: 'text',
  env: {},
  script: text,
});

/** The same prompt again, a fresh agent each time, until the file DONE is in the task's folder, or a check passes. */
export const ralph = {
  keys: ['ralph'],
  schema: (step) =>
    z
      .strictObject({
        ...common,
        ralph: z.strictObject({
          agent: workerSchema(step),
          prompt: templateSchema.default(DEFAULT_PROMPT),
          check: workerSchema(step).optional(),
          max: z.int().min(1).max(1_000).default(100),
          pause: durationSchema.default(1_000),
        }),
      })
      .transform(({ ralph: { agent, prompt, check, max, pause }, ...one }): Step => {
        const again = work(agent, {
          id: 'work',
          on_error: 'continue',
          prompt: `${prompt}\n\nWhen all of it is done, and only then, make the file {{ task.folder }}/DONE.`,
          env: { DONE: '{{ task.folder }}/DONE' },
        });
        const done =
          check === undefined
            ? script('done', 'test -e "$CONDUCTOR_TASK_DIR/DONE"', 'continue')
            : work(check, { id: 'done', on_error: 'continue', prompt: 'Is the work done?' });
        return scoped(
          commonOf(one),
          [
            // Of an earlier loop.
            script('begin', 'rm -f "$CONDUCTOR_TASK_DIR/DONE"', 'fail'),
            {
              kind: 'repeat',
              id: 'loop',
              on_error: 'fail',
              until: 'steps.done.ok',
              max,
              on_max: 'fail',
              delay: pause,
              steps: [again, done],
            },
          ],
          { text: '{{ steps.work.output }}', data: '{"iterations": steps.loop.data.iterations}' },
        );
      }),
} satisfies Pattern;
