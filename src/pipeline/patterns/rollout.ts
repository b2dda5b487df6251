import { z } from 'zod';
import type { Step } from '../../core/handler.js';
import { durationSchema } from '../../core/schema-parts.js';
import { celSchema, common, commonOf } from '../syntax/parts.js';
import type { Pattern } from './pattern.js';
import { scoped, work, workerSchema, type Worker } from './worker.js';

const env = { INSTANCE: '{{ item }}' };

const part = (worker: Worker, id: string, what: string): Step =>
  work(worker, { id, prompt: `${what} the instance {{ item }}.\n\n{{ event.body | fence }}`, env });

const healthSchema = (step: Parameters<Pattern['schema']>[0]) =>
  z.union([
    z.strictObject({
      check: workerSchema(step),
      attempts: z.int().min(1).max(10_000).default(30),
      every: durationSchema.default(2_000),
    }),
    workerSchema(step).transform((check) => ({ check, attempts: 30, every: 2_000 })),
  ]);

/** Instances in batches: deploy, wait until healthy, smoke test, let it bake. The first that fails is rolled back and ends it. */
export const rollout = {
  keys: ['rollout'],
  schema: (step) =>
    z
      .strictObject({
        ...common,
        rollout: z
          .strictObject({
            /** Names, or CEL that gives them. */
            instances: z.union([z.array(z.string().min(1)).min(1), celSchema]),
            batch: z.int().min(1).max(1_000).default(1),
            deploy: workerSchema(step),
            health: healthSchema(step).optional(),
            smoke_test: workerSchema(step).optional(),
            rollback: workerSchema(step).optional(),
            /** `all`: those that had succeeded before, too. */
            roll_back: z.enum(['failed', 'all']).default('failed'),
            bake: durationSchema.default(30_000),
          })
          .refine(
            ({ instances, batch }) => Array.isArray(instances) || batch === 1,
            'a batch of more than one needs its instances by name',
          ),
      })
      .transform(({ rollout: given, ...one }): Step => {
        const undo = given.rollback === undefined ? [] : [part(given.rollback, 'rollback', 'Roll back')];
        const health: Step[] =
          given.health === undefined
            ? []
            : [
                {
                  kind: 'repeat',
                  id: 'health',
                  on_error: 'fail',
                  until: 'steps.check.ok',
                  max: given.health.attempts,
                  on_max: 'fail',
                  delay: given.health.every,
                  steps: [{ ...part(given.health.check, 'check', 'Check the health of'), on_error: 'continue' }],
                },
              ];
        const instance: Step = {
          kind: 'attempt',
          id: 'instance',
          on_error: 'fail',
          try: [
            part(given.deploy, 'deploy', 'Deploy to'),
            ...health,
            ...(given.smoke_test === undefined ? [] : [part(given.smoke_test, 'smoke_test', 'Test')]),
          ],
          compensate: undo,
        };
        const bake: Step[] =
          given.bake === 0
            ? []
            : [
                {
                  kind: 'wait',
                  id: 'bake',
                  on_error: 'fail',
                  for: { kind: 'timer', ms: given.bake },
                  on_timeout: 'fail',
                },
              ];
        const oneByOne = { kind: 'map', on_error: 'fail', max_concurrent: 1, fail_fast: true } as const;
        const { instances } = given;
        const batches: Step =
          Array.isArray(instances) && given.batch > 1
            ? {
                ...oneByOne,
                id: 'batches',
                items: {
                  list: Array.from({ length: Math.ceil(instances.length / given.batch) }, (_, index) =>
                    instances.slice(index * given.batch, (index + 1) * given.batch),
                  ),
                },
                steps: [
                  {
                    kind: 'map',
                    id: 'batch',
                    on_error: 'fail',
                    items: { from: 'item' },
                    max_concurrent: given.batch,
                    fail_fast: false,
                    steps: [instance],
                  },
                  ...bake,
                ],
              }
            : {
                ...oneByOne,
                id: 'batches',
                items: Array.isArray(instances) ? { list: instances } : { from: instances },
                steps: [instance, ...bake],
              };
        if (given.roll_back === 'failed' || undo.length === 0) return scoped(commonOf(one), [batches]);
        const succeeded = 'steps.batches.data.items.filter(i, i.ok).map(i, i.item)';
        const inBatches = given.batch > 1;
        const back: Step = {
          ...oneByOne,
          id: 'roll_back',
          fail_fast: false,
          items: { from: succeeded },
          steps: inBatches
            ? [{ ...oneByOne, id: 'batch', fail_fast: false, items: { from: 'item' }, steps: undo }]
            : undo,
        };
        return scoped(commonOf(one), [{ kind: 'attempt', on_error: 'fail', try: [batches], compensate: [back] }]);
      }),
} satisfies Pattern;
