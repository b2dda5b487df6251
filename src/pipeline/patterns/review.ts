import { z } from 'zod';
import type { Step } from '../../core/handler.js';
import type { StepSchema } from '../syntax/schema.js';
import { common, commonOf, DEFAULT_PROMPT, templateSchema } from '../syntax/parts.js';
import { byKey, type Pattern } from './pattern.js';
import { idsOf, nameOf, objectOf, scoped, work, workerSchema } from './worker.js';

const VERDICT = objectOf({
  verdict: { type: 'string', enum: ['approve', 'request_changes'] },
  findings: { type: 'array', items: { type: 'string' } },
});
const APPROVALS = 'steps.reviews.data.lanes.filter(l, l.ok && l.data.verdict == "approve").size()';
const FINDINGS = `{% if iteration > 1 %}

Reviewers asked for changes. Your last answer:
{{ steps.primary.output | fence }}

Their findings:
{% for review in steps.reviews.data.lanes %}{% for finding in review.data.findings %}- {{ review.name }}: {{ finding | fence }}
{% endfor %}{% endfor %}{% endif %}`;

const options = {
  prompt: templateSchema.default(DEFAULT_PROMPT),
  /** Approvals that are needed; two, where there are as many reviewers. */
  quorum: z.int().min(1).optional(),
  rounds: z.int().min(1).max(100).default(3),
};
interface Review {
  primary: Parameters<typeof work>[0];
  reviewers: readonly Parameters<typeof work>[0][];
  side_by_side: boolean;
  prompt: string;
  quorum?: number | undefined;
  rounds: number;
}

const treeOf = (one: object, given: Review): Step => {
  const quorum = given.quorum ?? Math.min(2, given.reviewers.length);
  const names = given.reviewers.map(nameOf);
  const ids = idsOf(names);
  const primary = work(given.primary, {
    id: 'primary',
    prompt: `${given.prompt}${FINDINGS}`,
    env: { FINDINGS: '{% if iteration > 1 %}{{ steps.reviews.output }}{% endif %}' },
  });
  const reviewers = given.reviewers.map((reviewer, index) =>
    work(reviewer, {
      id: ids[index]!,
      name: names[index]!,
      schema: VERDICT,
      prompt: `Review the work below: does it do what was asked, and is it right? Change nothing.
Your verdict is "approve" or "request_changes"; each finding is one sentence that says what is to be changed.

What was asked:
${given.prompt}

The work:
{{ steps.primary.output | fence }}`,
      env: { WORK_OUTPUT: '{{ steps.primary.output }}' },
    }),
  );
  return scoped(
    one,
    [
      {
        kind: 'repeat',
        id: 'rounds',
        on_error: 'fail',
        until: `${APPROVALS} >= ${quorum}`,
        max: given.rounds,
        on_max: 'fail',
        delay: 0,
        steps: [
          primary,
          {
            kind: 'parallel',
            id: 'reviews',
            on_error: 'fail',
            max_concurrent: given.side_by_side ? 16 : 1,
            fail_fast: false,
            at_least: quorum,
            steps: reviewers,
          },
        ],
      },
    ],
    {
      text: '{{ steps.primary.output }}',
      data: `{"approvals": ${APPROVALS}, "rounds": steps.rounds.data.iterations, "reviews": steps.reviews.data.lanes}`,
    },
  );
};

export const reviewSchema = (step: StepSchema) =>
  z.strictObject({
    ...common,
    review: z.strictObject({
      primary: workerSchema(step),
      reviewers: z.array(workerSchema(step)).min(1),
      parallel: z.boolean().default(true),
      ...options,
    }),
  });

/** One does the work, others judge it; what they find goes back, until enough approve. */
export const review: Pattern = {
  keys: ['review', 'primary_agent'],
  schema: (step) => {
    const worker = workerSchema(step);
    const ours = reviewSchema(step).transform(({ review: { parallel, ...given }, ...one }) =>
      treeOf(commonOf(one), { ...given, side_by_side: parallel }),
    );
    const seeds = z
      .strictObject({
        ...common,
        primary_agent: worker,
        reviewer_agents: z.array(worker).min(1),
        parallel_execution: z.boolean().default(true),
        ...options,
      })
      .transform(({ primary_agent, reviewer_agents, parallel_execution, prompt, quorum, rounds, ...one }) =>
        treeOf(commonOf(one), {
          primary: primary_agent,
          reviewers: reviewer_agents,
          side_by_side: parallel_execution,
          prompt,
          quorum,
          rounds,
        }),
      );
    return byKey('primary_agent', seeds, ours);
  },
};
