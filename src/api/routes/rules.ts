import { z } from 'zod';
import { ConductorError } from '../../core/errors.js';
import { ruleSchema } from '../../core/rule.js';
import { durationSchema } from '../../core/schema-parts.js';
import type { ApiOptions } from '../doors.js';
import { endpoint, type Endpoint } from '../endpoint.js';

/** The fields of a rule are those of the rule files; what they mean is said there. */
const ruleShape = z.looseObject({ id: z.string(), on: z.unknown(), do: z.string() });
const oneRule = z.strictObject({ rule: z.string().max(64) });
const msgId = z.string().min(1).max(200);

export const ruleRoutes = ({ rules, explainer, ledger, clock }: ApiOptions): Endpoint[] => [
  endpoint({
    method: 'get',
    path: '/api/v1/rules',
    summary: 'The rule table in force.',
    scopes: ['read'],
    answer: z.strictObject({ hash: z.string(), rules: z.array(ruleShape) }),
    handle: () => {
      const { hash, rules: list } = rules.current;
      return { hash, rules: list.map((rule) => ({ ...rule })) };
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/rules/explain/:msg_id',
    summary: 'What every rule said to one event, and why.',
    scopes: ['read'],
    params: z.strictObject({ msg_id: msgId }),
    answer: z.looseObject({
      verdicts: z.array(z.looseObject({ rule: z.string(), verdict: z.string(), why: z.string() })),
    }),
    errors: ['not_found'],
    handle: async ({ params }) =>
      (await explainer.explain(params.msg_id)) as { verdicts: { rule: string; verdict: string; why: string }[] },
  }),
  endpoint({
    method: 'post',
    path: '/api/v1/rules/simulate',
    summary: 'Decides the recorded bus anew by other rules, and says what would be different. Starts nothing.',
    scopes: ['read'],
    body: z.strictObject({ rules: z.array(ruleSchema).min(1).max(10_000), since: msgId.optional() }),
    answer: z.strictObject({
      events: z.int(),
      first: z.string().optional(),
      last: z.string().optional(),
      differences: z.array(z.looseObject({})),
      rules: z.record(z.string(), z.strictObject({ fired: z.int(), would: z.int(), differ: z.int() })),
      unknown: z.strictObject({ assumed: z.int(), caused: z.int(), undecided: z.int() }),
    }),
    handle: async ({ body }) => {
      const { differences, ...rest } = await explainer.simulate(body.rules, body.since);
      return { ...rest, differences: differences.map((one) => ({ ...one })) };
    },
  }),
  ...(['enable', 'disable'] as const).map((verb) =>
    endpoint({
      method: 'post',
      path: `/api/v1/rules/:rule/${verb}`,
      summary: verb === 'enable' ? 'Lets a rule answer again.' : 'A rule answers no more; holds across restarts.',
      scopes: ['admin'],
      params: oneRule,
      body: z.strictObject({
        reason: z.string().max(1_000).default('by an operator'),
        /** As `2h`; without it, until it is said otherwise. */
        for: durationSchema.optional(),
      }),
      status: 202,
      answer: z.strictObject({ rule: z.string(), enabled: z.boolean(), until: z.string().optional() }),
      errors: ['not_found'],
      handle: async ({ params: { rule }, body, caller, ctx }) => {
        if (!rules.current.rules.some(({ id }) => id === rule))
          throw new ConductorError('not_found', `there is no rule "${rule}"`);
        const until = body.for === undefined ? {} : { until: new Date(clock.now() + body.for).toISOString() };
        await ledger.record([
          {
            type: verb === 'enable' ? 'RULE_ENABLED' : 'RULE_DISABLED',
            source: `api:${caller.name}`,
            data: { rule, reason: body.reason, ...until },
            body: `rule ${rule} is ${verb}d: ${body.reason}`,
          },
        ]);
        ctx.state['decision'] = { rule, verb };
        return { rule, enabled: verb === 'enable', ...until };
      },
    }),
  ),
];
