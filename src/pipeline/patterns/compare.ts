import { z } from 'zod';
import type { Step } from '../../core/handler.js';
import { common, commonOf, DEFAULT_PROMPT, templateSchema } from '../syntax/parts.js';
import type { Pattern } from './pattern.js';
import { idsOf, nameOf, objectOf, scoped, work, workerSchema } from './worker.js';

const LANES = 'steps.answers.data.lanes.filter(l, l.ok)';
/** An answer's choice is its field, or all that it says. */
const CHOICES = `${LANES}.map(l, l.data.?choice.orValue(l.output.trim()))`;
const WINNERS =
  'steps.choices.data.filter(c, steps.choices.data.filter(o, o == c).size() * 2 > steps.choices.data.size())';

const shape = (step: Parameters<Pattern['schema']>[0]) =>
  z.strictObject({
    agents: z.array(workerSchema(step)).min(1),
    prompt: templateSchema.default(DEFAULT_PROMPT),
    max_concurrent: z.int().min(1).max(1_000).default(16),
    /** How many must answer. */
    at_least: z.int().min(1).default(1),
    /** `vote`: the choice that more than half of them made; a worker reads them all; `score`: a command rates each. */
    consensus: z
      .union([
        z.literal('vote'),
        z.strictObject({ score: z.string().min(1) }),
        z.strictObject({ by: workerSchema(step), prompt: templateSchema.optional() }),
        workerSchema(step),
      ])
      .optional(),
  });
type Compare = z.output<ReturnType<typeof shape>>;

/** Fails, with this message, unless CEL holds. */
const insist = (id: string, when: string, message: string): Step => ({
  kind: 'branch',
  on_error: 'fail',
  cases: [{ when, steps: [] }],
  else: [
    {
      kind: 'shell',
      id,
      on_error: 'fail',
      output: 'text',
      env: { MESSAGE: message },
      script: 'printf "%s\\n" "$MESSAGE" >&2; exit 2',
    },
  ],
});

const consensusOf = ({ consensus }: Compare): { steps: Step[]; data: string } => {
  if (consensus === undefined) return { steps: [], data: '{"answers": steps.answers.data.lanes}' };
  if (consensus === 'vote') {
    return {
      steps: [
        { kind: 'sequence', id: 'choices', on_error: 'fail', steps: [], result: { data: CHOICES } },
        insist('vote', `${WINNERS}.size() > 0`, 'no choice has more than half of the votes'),
      ],
      data: `{"winner": ${WINNERS}[0], "votes": ${WINNERS}.size(), "answers": steps.answers.data.lanes}`,
    };
  }
  if (typeof consensus === 'object' && 'score' in consensus) {
    const best = 'steps.scores.data.items.filter(i, i.ok && steps.scores.data.items.all(j, !j.ok || i.data >= j.data))';
    const score: Step = {
      kind: 'shell',
      id: 'score',
      on_error: 'fail',
      output: 'json',
      env: { ANSWER: '{{ item.output }}', NAME: '{{ item.name }}' },
      script: consensus.score,
    };
    return {
      steps: [
        {
          kind: 'map',
          id: 'scores',
          on_error: 'fail',
          items: { from: LANES },
          max_concurrent: 16,
          fail_fast: false,
          at_least: 1,
          steps: [score],
        },
      ],
      data: `{"winner": ${best}[0].item.name, "score": ${best}[0].data, "output": ${best}[0].item.output, "answers": steps.answers.data.lanes}`,
    };
  }
  const { by, prompt } =
    typeof consensus === 'object' && 'by' in consensus ? consensus : { by: consensus, prompt: undefined };
  const judge = work(by, {
    id: 'consensus',
    prompt:
      prompt ??
      'Several answered the same question. Find what they have in common, where they differ, and which is right.\n\n{{ steps.answers.output | fence }}',
    env: { ANSWERS: '{{ steps.answers.output }}' },
  });
  return { steps: [judge], data: '{"consensus": steps.consensus.output, "answers": steps.answers.data.lanes}' };
};

/** The same question to several, their answers side by side, and what comes of them. */
export const compare = {
  keys: ['compare'],
  schema: (step) =>
    z.strictObject({ ...common, compare: shape(step) }).transform(({ compare: given, ...one }): Step => {
      const names = given.agents.map(nameOf);
      const ids = idsOf(names);
      const schema =
        given.consensus === 'vote' ? objectOf({ choice: { type: 'string' }, reason: { type: 'string' } }) : undefined;
      const lanes = given.agents.map((agent, index) =>
        work(agent, {
          id: ids[index]!,
          name: names[index]!,
          prompt: given.prompt,
          ...(schema && (typeof agent === 'string' || agent.kind === 'agent') ? { schema } : {}),
        }),
      );
      const { steps, data } = consensusOf(given);
      const answers: Step = {
        kind: 'parallel',
        id: 'answers',
        on_error: 'fail',
        max_concurrent: given.max_concurrent,
        fail_fast: false,
        at_least: given.at_least,
        steps: lanes,
      };
      const last = steps.at(-1)?.id === 'consensus' ? '\n## Consensus\n\n{{ steps.consensus.output }}' : '';
      return scoped(commonOf(one), [answers, ...steps], {
        text: `# Comparison\n\n{{ steps.answers.output }}${last}`,
        data,
      });
    }),
} satisfies Pattern;
