import { z } from 'zod';
import type { ApiOptions } from '../doors.js';
import { endpoint, type Endpoint } from '../endpoint.js';

/** The fields of a rule are those of the rule files; what they mean is said there. */
const ruleShape = z.looseObject({ id: z.string(), on: z.unknown(), do: z.string() });

export const ruleRoutes = ({ rules }: ApiOptions): Endpoint[] => [
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
];
