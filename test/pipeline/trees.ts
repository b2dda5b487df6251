import * as fc from 'fast-check';

/** Steps as a handler file holds them. */
export type Tree = Record<string, unknown>;

const DO = 'echo "$STEP_ID" >> effects';
const retry = { attempts: 2, base: '5ms', cap: '10ms' };

const leaf: fc.Arbitrary<Tree> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ shell: DO }) },
  { weight: 1, arbitrary: fc.constant({ shell: `${DO}; sleep 0.05` }) },
  { weight: 1, arbitrary: fc.constant({ shell: `${DO}; exit 2`, on_error: 'continue' }) },
  { weight: 1, arbitrary: fc.constant({ shell: `${DO}; exit 1`, on_error: 'continue', retry }) },
  { weight: 2, arbitrary: fc.constant({ emit: { type: 'EFFECT', body: 'said by {{ task.task_id | size }}' } }) },
  { weight: 1, arbitrary: fc.constant({ wait: '20ms' }) },
  { weight: 1, arbitrary: fc.constant({ when: 'false', shell: DO }) },
);
const failing: Tree = { shell: `${DO}; exit 2` };

const { tree } = fc.letrec<{ tree: Tree; list: Tree[] }>((tie) => ({
  list: fc.array(tie('tree'), { minLength: 1, maxLength: 3 }),
  tree: fc.oneof(
    { maxDepth: 3, depthSize: 'small', withCrossShrink: true },
    leaf,
    tie('list').map((sequence) => ({ sequence })),
    tie('list').map((steps) => ({ parallel: { steps, max_concurrent: 2 } })),
    tie('list').map((steps) => ({ map: { items: ['a', 'b', 'c'], max_concurrent: 2, steps } })),
    fc
      .tuple(fc.boolean(), tie('list'), tie('list'))
      .map(([yes, one, other]) => ({ branch: [{ when: String(yes), steps: one }, { else: other }] })),
    tie('list').map((steps) => ({ repeat: { until: 'iteration == 2', steps } })),
    fc.tuple(tie('list'), tie('list'), fc.boolean()).map(([steps, compensate, fails]) => ({
      on_error: 'continue',
      attempt: { try: fails ? [...steps, failing] : steps, compensate },
    })),
    tie('list').map((on_error) => ({ on_error, shell: failing['shell'] })),
    tie('list').map((sequence) => ({
      on_error: 'continue',
      retry: { ...retry, on: 'permanent' },
      sequence: [...sequence, failing],
    })),
  ),
}));

export const trees: fc.Arbitrary<Tree[]> = fc.array(tree, { minLength: 1, maxLength: 4 });
