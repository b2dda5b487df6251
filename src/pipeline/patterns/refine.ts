import { z } from 'zod';
import type { Step } from '../../core/handler.js';
import { common, commonOf, DEFAULT_PROMPT, templateSchema } from '../syntax/parts.js';
import type { Pattern } from './pattern.js';
import { objectOf, scoped, work, workerSchema } from './worker.js';

const SCORE = objectOf({ score: { type: 'number', minimum: 0, maximum: 10 }, feedback: { type: 'string' } });
const FEEDBACK = `{% if iteration > 1 %}

Your last answer:
{{ steps.work.output | fence }}

It is not good enough yet:
{{ steps.evaluate.output | fence }}
{{ steps.evaluate.error | fence }}{% endif %}`;

/** The best score so far, and whether this iteration raised it; of a command there is none. */
const PROGRESS = `{
  "score": double(steps.evaluate.data.?score.orValue(0.0)),
  "improved": iteration == 1 || double(steps.evaluate.data.?score.orValue(0.0)) > steps.progress.data.best,
  "best": iteration > 1 && steps.progress.data.best > double(steps.evaluate.data.?score.orValue(0.0))
    ? steps.progress.data.best : double(steps.evaluate.data.?score.orValue(0.0))
}`;

/** Again, with what was found wanting, until it is good enough, or no longer gets better. */
export const refine = {
  keys: ['refine'],
  schema: (step) =>
    z
      .strictObject({
        ...common,
        refine: z.strictObject({
          agent: workerSchema(step),
          prompt: templateSchema.default(DEFAULT_PROMPT),
          /** Gives a score from 0 to 10; or a command, which is content when it ends with 0. */
          evaluate: workerSchema(step).default('code-reviewer'),
          evaluate_prompt: templateSchema.optional(),
          until: z.enum(['score', 'passes']).optional(),
          threshold: z.number().min(0).max(10).default(8),
          max_iterations: z.int().min(1).max(1_000).default(5),
          stop_on_no_improvement: z.boolean().default(true),
          on_max: z.enum(['fail', 'continue']).default('continue'),
        }),
      })
      .transform(({ refine: given, ...one }): Step => {
        const { evaluate: judge } = given;
        const passes = typeof judge === 'object' && judge.kind === 'shell' && judge.output === 'text';
        const scores = given.until === 'score' || (given.until === undefined && !passes);
        const evaluate = work(judge, {
          id: 'evaluate',
          ...(scores ? { schema: SCORE } : { on_error: 'continue' }),
          prompt:
            given.evaluate_prompt ??
            `Rate the work below from 0 to 10, and say in "feedback" what would raise the score. Change nothing.\n\nWhat was asked:\n${given.prompt}\n\nThe work:\n{{ steps.work.output | fence }}`,
          env: { WORK_OUTPUT: '{{ steps.work.output }}' },
        });
        const steps: Step[] = [
          work(given.agent, {
            id: 'work',
            prompt: `${given.prompt}${FEEDBACK}`,
            env: {
              FEEDBACK: '{% if iteration > 1 %}{{ steps.evaluate.output }}{{ steps.evaluate.stderr }}{% endif %}',
            },
          }),
          evaluate,
          ...(scores
            ? [{ kind: 'sequence', id: 'progress', on_error: 'fail', steps: [], result: { data: PROGRESS } } as const]
            : []),
        ];
        return scoped(
          commonOf(one),
          [
            {
              kind: 'repeat',
              id: 'iterations',
              on_error: 'fail',
              until: scores ? `steps.progress.data.score >= ${given.threshold.toFixed(6)}` : 'steps.evaluate.ok',
              ...(scores && given.stop_on_no_improvement ? { stop_when: '!steps.progress.data.improved' } : {}),
              max: given.max_iterations,
              on_max: given.on_max,
              delay: 0,
              steps,
            },
          ],
          {
            text: '{{ steps.work.output }}',
            data: scores
              ? '{"iterations": steps.iterations.data.iterations, "met": steps.iterations.data.met, "score": steps.progress.data.score, "best": steps.progress.data.best}'
              : '{"iterations": steps.iterations.data.iterations, "met": steps.iterations.data.met}',
          },
        );
      }),
} satisfies Pattern;
