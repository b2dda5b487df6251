import { z } from 'zod';
import type { Step } from '../../core/handler.js';
import { common, commonOf, templateSchema } from '../syntax/parts.js';
import type { Pattern } from './pattern.js';
import { idsOf, objectOf, scoped, work, workerSchema } from './worker.js';

const CHECK = objectOf({ passed: { type: 'boolean' }, problems: { type: 'array', items: { type: 'string' } } });

const phaseSchema = (step: Parameters<Pattern['schema']>[0]) =>
  z.strictObject({
    name: z.string().min(1),
    agent: workerSchema(step),
    prompt: templateSchema.optional(),
    /** An agent says whether it passed; a command, by how it ends. */
    validator: workerSchema(step).optional(),
    rollback: workerSchema(step).optional(),
    /** How often the phase is done until its validation passes. */
    attempts: z.int().min(1).max(100).default(1),
  });
type Phase = z.output<ReturnType<typeof phaseSchema>>;

const stepsOf = (phase: Phase): Step[] => {
  const doing = work(phase.agent, {
    id: 'work',
    prompt: `${phase.prompt ?? `Do this phase of the task: ${phase.name}\n\nThe whole task:\n{{ event.body | fence }}`}{% if iteration > 1 %}

Its validation failed:
{{ steps.validate.output | fence }}
{{ steps.validate.error | fence }}{% endif %}`,
    env: { PHASE: phase.name },
  });
  if (phase.validator === undefined) return [doing];
  const isAgent = typeof phase.validator === 'string' || phase.validator.kind === 'agent';
  const validate = work(phase.validator, {
    id: 'validate',
    on_error: 'continue',
    prompt: `Validate this phase of the task: ${phase.name}. Run what tests there are. Change nothing.\n\nWhat was done:\n{{ steps.work.output | fence }}`,
    ...(isAgent ? { schema: CHECK } : {}),
    env: { PHASE: phase.name },
  });
  return [
    {
      kind: 'repeat',
      id: 'tries',
      on_error: 'fail',
      until: 'steps.validate.ok && steps.validate.data.?passed.orValue(true)',
      max: phase.attempts,
      on_max: 'fail',
      delay: 0,
      steps: [doing, validate],
    },
  ];
};

/** One phase after the other, each validated before the next begins; a failure stops, and rolls back what can be. */
export const phases = {
  keys: ['phases'],
  schema: (step) =>
    z
      .strictObject({
        ...common,
        phases: z.array(phaseSchema(step)).min(1),
        sequential: z.boolean().default(true),
      })
      .transform(({ phases: list, sequential, ...one }): Step => {
        const ids = idsOf(list.map(({ name }) => name));
        const groupOf = (phase: Phase, index: number): Step => ({
          ...(scoped({ id: ids[index], name: phase.name }, stepsOf(phase)) as Extract<Step, { kind: 'sequence' }>),
        });
        if (!sequential)
          return { ...commonOf(one), kind: 'parallel', max_concurrent: 16, fail_fast: false, steps: list.map(groupOf) };
        // A phase that failed may have done half: its own roll back is the first to run.
        const from = (index: number): Step[] => {
          const phase = list[index];
          if (!phase) return [];
          const rest = [groupOf(phase, index), ...from(index + 1)];
          if (phase.rollback === undefined) return rest;
          const undo = work(phase.rollback, {
            id: `rollback_${ids[index]}`,
            prompt: `The phase "${phase.name}" or one after it failed. Take back what it did.\n\n{{ error.message | fence }}`,
            env: { PHASE: phase.name },
          });
          return [{ kind: 'attempt', on_error: 'fail', try: rest, compensate: [undo] }];
        };
        return scoped(commonOf(one), from(0));
      }),
} satisfies Pattern;
