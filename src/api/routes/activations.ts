import { z } from 'zod';
import { cancelFact } from '../../core/activation-facts.js';
import { ConductorError } from '../../core/errors.js';
import type { ApiOptions } from '../doors.js';
import { endpoint, type Endpoint } from '../endpoint.js';
import { activationRow } from '../lists/rows.js';
import { groupsOf } from '../lists/shelves.js';
import { pageOf, pageQuery, scopeQuery } from './shapes.js';

// Its key is `<rule>/<msg_id>`: two parts of a path.
const oneActivation = z.strictObject({ rule: z.string().max(64), msg_id: z.string().max(200) });

export const activationRoutes = ({ lists, ledger }: ApiOptions): Endpoint[] => {
  const find = ({ rule, msg_id }: z.infer<typeof oneActivation>) => {
    const row = lists.activations.get(`${rule}/${msg_id}`);
    if (!row) throw new ConductorError('not_found', `there is no activation ${rule}/${msg_id}`);
    return row;
  };
  return [
    endpoint({
      method: 'get',
      path: '/api/v1/activations',
      summary: 'What rules fired, newest first, with the steps that are finished.',
      scopes: ['read'],
      query: z.strictObject({
        ...pageQuery,
        project_id: scopeQuery.project_id,
        rule: z.string().max(64).optional(),
        status: z.enum(['open', 'completed', 'failed', 'cancelled']).optional(),
      }),
      answer: pageOf('activations', activationRow),
      handle: ({ query: { cursor, limit, project_id, rule, status } }) => {
        const { rows, next } = lists.activations.page({
          limit,
          ...(cursor === undefined ? {} : { before: cursor }),
          groups: groupsOf({ rule, status }, project_id),
        });
        return { activations: rows, ...(next === undefined ? {} : { next }) };
      },
    }),
    endpoint({
      method: 'get',
      path: '/api/v1/activations/:rule/:msg_id',
      summary: 'One activation.',
      scopes: ['read'],
      params: oneActivation,
      answer: activationRow,
      errors: ['not_found'],
      handle: ({ params }) => find(params),
    }),
    endpoint({
      method: 'post',
      path: '/api/v1/activations/:rule/:msg_id/cancel',
      summary: 'Stops everything below the activation.',
      scopes: ['write'],
      params: oneActivation,
      status: 202,
      answer: z.strictObject({ activation: z.string(), status: z.literal('cancelling') }),
      errors: ['not_found', 'conflict'],
      handle: async ({ params, caller }) => {
        const { activation, status } = find(params);
        const known = ledger.view.activations.get(activation);
        if (status !== 'open' || known === undefined)
          throw new ConductorError('conflict', `${activation} has ended (${status})`);
        await ledger.record([cancelFact(known, `by ${caller.name}`)]);
        return { activation, status: 'cancelling' as const };
      },
    }),
  ];
};
