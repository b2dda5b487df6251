import { z } from 'zod';
import type { Step } from '../../core/handler.js';
import { common, commonOf, templateSchema } from '../syntax/parts.js';
import type { Pattern } from './pattern.js';
import { objectOf, scoped, work, workerSchema } from './worker.js';

/** An analyzer says which condition holds, and that one's agent does the work. */
export const conditional: Pattern = {
  keys: ['conditional_logic'],
  schema: (step) =>
    z
      .strictObject({
        ...common,
        conditional_logic: z.strictObject({
          analyzer: workerSchema(step),
          prompt: templateSchema.optional(),
          branches: z
            .array(
              z.strictObject({
                condition: z.string().min(1),
                agent: workerSchema(step),
                prompt: templateSchema.optional(),
              }),
            )
            .min(1),
          else: workerSchema(step).optional(),
        }),
      })
      .transform(({ conditional_logic: given, ...one }): Step => {
        const names = given.branches.map(({ condition }) => condition);
        const isScript = typeof given.analyzer === 'object' && given.analyzer.kind === 'shell';
        const analyze = work(given.analyzer, {
          id: 'analyze',
          prompt: `${given.prompt ?? 'Analyze what is asked below. Change nothing.\n{{ event.body | fence }}'}\n\nWhich of these holds: ${names.join(', ')}${given.else === undefined ? '' : ', or none of them'}?`,
          ...(isScript
            ? {}
            : {
                schema: objectOf({
                  condition: { type: 'string', enum: given.else === undefined ? names : [...names, 'none'] },
                  reason: { type: 'string' },
                }),
              }),
        });
        const said = 'steps.analyze.data.?condition.orValue(steps.analyze.output.trim())';
        const agentFor = (agent: Parameters<typeof work>[0], condition: string, prompt?: string): Step =>
          work(agent, {
            id: 'chosen',
            prompt:
              prompt ??
              `An analysis found: ${condition}. Do what it asks for.\n\nThe analysis:\n{{ steps.analyze.output | fence }}\n\nThe task:\n{{ event.body | fence }}`,
            env: { CONDITION: condition, ANALYSIS: '{{ steps.analyze.output }}' },
          });
        return scoped(commonOf(one), [
          analyze,
          {
            kind: 'branch',
            id: 'branch',
            on_error: 'fail',
            cases: given.branches.map(({ condition, agent, prompt }) => ({
              when: `${said} == ${JSON.stringify(condition)}`,
              steps: [agentFor(agent, condition, prompt)],
            })),
            else: given.else === undefined ? [] : [agentFor(given.else, 'none')],
          },
        ]);
      }),
};
