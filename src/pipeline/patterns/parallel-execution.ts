import { z } from 'zod';
import type { Step } from '../../core/handler.js';
import { common, commonOf } from '../syntax/parts.js';
import { artifactSchema, handingOver } from './handoff.js';
import type { Pattern } from './pattern.js';
import { hasPoint, inLanesWithPoints } from './sync.js';

/** A step of that name is done alone, and what stands between two of them side by side. */
const inStretches = (steps: readonly Step[], points: readonly string[], width: number): Step[] => {
  const stretches: Step[] = [];
  let between: Step[] = [];
  const end = (): void => {
    if (between.length === 1) stretches.push(...between);
    else if (between.length > 1)
      stretches.push({ kind: 'parallel', on_error: 'fail', max_concurrent: width, fail_fast: false, steps: between });
    between = [];
  };
  for (const step of steps) {
    if (!points.includes(step.name ?? step.id ?? '')) {
      between.push(step);
      continue;
    }
    end();
    stretches.push(step);
  }
  end();
  return stretches;
};

/** The three patterns that begin with `parallel_execution`: side by side, one after the other with a handoff, or with points in common. */
export const parallelExecution: Pattern = {
  keys: ['parallel_execution', 'handoff_artifacts', 'sync_points'],
  schema: (step) =>
    z
      .strictObject({
        ...common,
        parallel_execution: z.boolean().default(false),
        max_concurrent: z.int().min(1).max(1_000).default(16),
        handoff_artifacts: z.array(artifactSchema).default([]),
        sync_points: z.array(z.string().min(1)).default([]),
        steps: z.array(step).min(1),
      })
      .superRefine((given, context) => {
        const names = given.steps.map(({ name, id }) => name ?? id);
        given.sync_points.forEach((point, index) => {
          if (!names.includes(point) && !given.steps.some((one) => hasPoint(one, point)))
            context.addIssue({
              code: 'custom',
              path: ['sync_points', index],
              message: `no step is named "${point}", and no lane waits at it (sync_point: ${point})`,
            });
        });
        given.handoff_artifacts.forEach(({ after }, index) => {
          if (after !== undefined && !given.steps.some(({ id }) => id === after))
            context.addIssue({
              code: 'custom',
              path: ['handoff_artifacts', index],
              message: `there is no step "${after}"`,
            });
        });
        if (given.parallel_execution && given.handoff_artifacts.length > 0)
          context.addIssue({
            code: 'custom',
            path: ['handoff_artifacts'],
            message: 'what is handed over needs an order: parallel_execution must be false',
          });
      })
      .transform(({ parallel_execution, max_concurrent, handoff_artifacts, sync_points, steps, ...one }): Step => {
        if (!parallel_execution)
          return { ...commonOf(one), kind: 'sequence', steps: handingOver(steps, handoff_artifacts) };
        const isNamed =
          sync_points.length > 0 && steps.some((each) => sync_points.includes(each.name ?? each.id ?? ''));
        return isNamed
          ? { ...commonOf(one), kind: 'sequence', steps: inStretches(steps, sync_points, max_concurrent) }
          : inLanesWithPoints(commonOf(one), steps, max_concurrent);
      }),
};
