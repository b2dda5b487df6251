import * as fc from 'fast-check';

/** Steps as a handler file holds them. */
export type Tree = Record<string, unknown>;

const DO = 'echo "$STEP_ID" >> effects';
const ONCE_MORE = '[ "$ITERATION" -ge 2 ]';
const retry = { attempts: 2, base: '5ms', cap: '10ms' };
const failing: Tree = { shell: `${DO}; exit 2` };

const says = (text: string): Tree => ({ shell: `${DO}; echo '${text}'` });
const asks = (text: string): Tree => ({ agent: 'doer', env: { ANSWER: text } });
/** Does, and says so, as a script or as an agent. */
const saying = (text: string): fc.Arbitrary<Tree> => fc.constantFrom(says(text), asks(text));
const worker = saying('done');

const EVENT_WAIT: Tree = {
  timeout: '20s',
  sequence: [
    { id: 'asked', emit: { type: 'ASKED', body: 'what?' } },
    { emit: { type: 'TOLD', data: { task: '{{ task.task_id }}' } } },
    { wait: { event: 'TOLD', match: { 'data.task': '{{ task.task_id }}' }, since: 'asked' } },
  ],
};

const leaf: fc.Arbitrary<Tree> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ shell: DO }) },
  { weight: 2, arbitrary: fc.constant({ shell: `${DO}; sleep 0.05` }) },
  { weight: 2, arbitrary: fc.constant(asks('yes')) },
  { weight: 1, arbitrary: fc.constant({ shell: `${DO}; exit 2`, on_error: 'continue' }) },
  { weight: 1, arbitrary: fc.constant({ shell: `${DO}; exit 1`, on_error: 'continue', retry }) },
  { weight: 2, arbitrary: fc.constant({ emit: { type: 'EFFECT', body: 'said by {{ task.task_id | size }}' } }) },
  { weight: 2, arbitrary: fc.constant({ http: { url: '{{ event.data.url }}', method: 'POST', body: 'x' } }) },
  { weight: 1, arbitrary: fc.constant({ notify: { action: 'tell', message: 'told' } }) },
  { weight: 1, arbitrary: fc.constant({ wait: '20ms' }) },
  { weight: 1, arbitrary: fc.constant({ wait: { until: '2026-01-01T00:00:00Z' } }) },
  { weight: 1, arbitrary: fc.constant(EVENT_WAIT) },
  { weight: 1, arbitrary: fc.constant({ approve: { question: 'Well?', default: 'approve' }, timeout: '30ms' }) },
  { weight: 1, arbitrary: fc.constant({ when: 'false', shell: DO }) },
  { weight: 1, arbitrary: fc.constant({ call: 'called' }) },
  // Written in TypeScript, with a function between its steps.
  { weight: 1, arbitrary: fc.constant({ call: 'coded' }) },
);

const PLAN = '{"parts": [{"title": "a", "task": "a", "simple": true}, {"title": "b", "task": "b", "simple": false}]}';
const LAST_PLAN = '{"parts": [{"title": "c", "task": "c", "simple": true}]}';
const verdict = (word: string): string => `{"verdict": "${word}", "findings": []}`;

/** Each pattern, of workers that do and say so; `below`: any steps. */
const patterns = (below: fc.Arbitrary<Tree[]>, step: fc.Arbitrary<Tree>): fc.Arbitrary<Tree>[] => [
  fc.tuple(worker, saying(verdict('approve'))).map(([primary_agent, reviewer]) => ({
    primary_agent,
    reviewer_agents: [
      {
        name: 'late',
        shell: `${DO}; ${ONCE_MORE} && echo '${verdict('approve')}' || echo '${verdict('request_changes')}'`,
      },
      { name: 'kind', ...reviewer },
    ],
  })),
  fc.tuple(worker, saying(verdict('approve'))).map(([primary, reviewer]) => ({
    review: { primary, reviewers: [reviewer], parallel: false },
  })),
  fc.tuple(worker, worker, fc.boolean()).map(([agent, rollback, fails]) => ({
    on_error: 'continue',
    phases: [
      { name: 'one', agent, rollback, validator: { shell: `${DO}; ${ONCE_MORE}` }, attempts: 2 },
      { name: 'two', agent, rollback, ...(fails ? { validator: failing } : {}) },
    ],
  })),
  fc.tuple(worker, worker).map(([agent, all]) => ({
    fan_out: { agent, tasks: ['a', 'b'], max_concurrent: 2 },
    fan_in: { agent: all, task: 'all' },
  })),
  fc.tuple(fc.constantFrom(says('b'), says('c')), worker, worker).map(([analyzer, agent, other]) => ({
    conditional_logic: { analyzer, branches: [{ condition: 'b', agent }], else: other },
  })),
  below.map((steps) => ({ parallel_execution: true, max_concurrent: 2, steps })),
  below.map((rest) => ({
    parallel_execution: false,
    handoff_artifacts: ['left'],
    steps: [{ shell: `${DO}; echo x > "$ARTIFACTS/left"` }, ...rest],
  })),
  below.map((rest) => ({
    parallel_execution: true,
    sync_points: ['alone'],
    steps: [{ shell: DO }, { shell: DO }, { name: 'alone', shell: DO }, ...rest],
  })),
  fc
    .tuple(below, worker, fc.constantFrom<Tree>({ split: 'printf "a\\nb\\n"' }, { glob: 'glob-*' }))
    .map(([steps, reduce, items]) => ({ map: { ...items, max_concurrent: 2, steps }, reduce })),
  worker.map((agent) => ({
    refine: {
      agent,
      evaluate: { shell: `${DO}; echo "{\\"score\\": $((ITERATION * 4)), \\"feedback\\": \\"more\\"}"` },
    },
  })),
  worker.map((agent) => ({
    supervise: { agent, workers: ['doer'], accept: { shell: `${DO}; ${ONCE_MORE}` } },
  })),
  fc.tuple(step, step, worker, fc.boolean()).map(([one, two, compensate, fails]) => ({
    on_error: 'continue',
    saga: [
      { action: one, compensate: { ...compensate, retry } },
      { action: two, compensate: says('undone') },
      { action: fails ? failing : says('last') },
    ],
  })),
  fc.constantFrom<unknown>('vote', { score: `${DO}; echo 1` }, { by: says('both') }, undefined).map((consensus) => ({
    compare: {
      agents: [says('{"choice": "x", "reason": "y"}'), asks('{"choice": "x", "reason": "y"}')],
      ...(consensus === undefined ? {} : { consensus }),
    },
  })),
  fc.tuple(below, below).map(([one, two]) => ({
    sync: { lanes: { a: [...one, { sync_point: 'met' }, { shell: DO }], b: [{ sync_point: 'met' }, ...two] } },
  })),
  fc.tuple(worker, worker).map(([agent, combine]) => ({
    decompose: {
      agent: { shell: `${DO}; [ "$LEVELS_LEFT" = 1 ] && echo '${PLAN}' || echo '${LAST_PLAN}'`, output: 'json' },
      worker: agent,
      combine,
    },
  })),
  fc
    .tuple(worker, worker, fc.boolean(), fc.constantFrom('failed', 'all'))
    .map(([deploy, rollback, fails, roll_back]) => ({
      on_error: 'continue',
      rollout: {
        instances: ['a', 'b', 'c'],
        batch: 2,
        deploy,
        rollback,
        roll_back,
        health: { check: { shell: `${DO}; ${ONCE_MORE}` }, attempts: 3, every: '5ms' },
        smoke_test: fails ? { shell: `${DO}; [ "$INSTANCE" != c ]` } : says('fine'),
        bake: '10ms',
      },
    })),
  worker.map((agent) => ({
    ralph: { agent, check: { shell: `${DO}; ${ONCE_MORE}` }, pause: '5ms' },
  })),
];

const { tree } = fc.letrec<{ tree: Tree; list: Tree[] }>((tie) => ({
  list: fc.array(tie('tree'), { minLength: 1, maxLength: 3 }),
  tree: fc.oneof(
    { maxDepth: 3, depthSize: 'small', withCrossShrink: true },
    leaf,
    tie('list').map((sequence) => ({ sequence })),
    tie('list').map((sequence) => ({ timeout: '1m', sequence })),
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
    ...patterns(tie('list'), tie('tree')),
  ),
}));

export const trees: fc.Arbitrary<Tree[]> = fc.array(tree, { minLength: 1, maxLength: 4 });

/** The keys that name the kinds of all steps in these. */
export const keysIn = (value: unknown): string[] => {
  if (Array.isArray(value)) return value.flatMap(keysIn);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, below]) => [key, ...keysIn(below)]);
};
