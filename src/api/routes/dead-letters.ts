import { z } from 'zod';
import { resumeFact, resumeWith } from '../../core/activation-facts.js';
import { ConductorError } from '../../core/errors.js';
import type { Activation } from '../../core/ledger-view.js';
import type { ApiOptions } from '../doors.js';
import { endpoint, type Endpoint } from '../endpoint.js';
import { activationRow, ruleErrorRow } from '../lists/rows.js';
import { pageQuery } from './shapes.js';

const oneActivation = z.strictObject({ rule: z.string().max(64), msg_id: z.string().max(200) });

/** Those that somebody stopped wait for nobody. */
const isDead = (activation: Activation): boolean => activation.status === 'failed' && activation.stopped !== true;

export const deadLetterRoutes = ({ lists, ledger, handlers }: ApiOptions): Endpoint[] => [
  endpoint({
    method: 'get',
    path: '/api/v1/dead-letters',
    summary:
      'What was answered, and failed for good, newest first; with the first page, the newest that a rule could not decide.',
    scopes: ['read'],
    query: z.strictObject(pageQuery),
    answer: z.strictObject({
      dead_letters: z.array(activationRow),
      rule_errors: z.array(ruleErrorRow).optional(),
      next: z.string().optional(),
    }),
    handle: ({ query: { cursor, limit } }) => {
      const { rows, next } = lists.activations.page({
        limit,
        ...(cursor === undefined ? {} : { before: cursor }),
        groups: ['status failed'],
        where: ({ activation }) => {
          const known = ledger.view.activations.get(activation);
          return known !== undefined && isDead(known);
        },
      });
      const first = cursor === undefined ? { rule_errors: lists.ruleErrors.slice(-limit).reverse() } : {};
      return { dead_letters: rows, ...first, ...(next === undefined ? {} : { next }) };
    },
  }),
  endpoint({
    method: 'post',
    path: '/api/v1/activations/:rule/:msg_id/resume',
    summary: 'A failed or parked one goes on after its last finished step.',
    scopes: ['write'],
    params: oneActivation,
    query: z.strictObject({
      /** With the handler as it is now. */
      latest: z.enum(['true', 'false']).default('false'),
    }),
    status: 202,
    answer: z.strictObject({ activation: z.string(), status: z.literal('resuming') }),
    errors: ['not_found', 'conflict'],
    handle: async ({ params: { rule, msg_id }, query, caller }) => {
      const name = `${rule}/${msg_id}`;
      const activation = ledger.view.activations.get(name);
      if (!activation) throw new ConductorError('not_found', `there is no activation ${name}`);
      if (!isDead(activation) && activation.parked === undefined)
        throw new ConductorError('conflict', `${name} is ${activation.status}: there is nothing to resume`);
      const { hash, calls } = resumeWith(activation, handlers, query.latest === 'true');
      if (hash === undefined)
        throw new ConductorError('conflict', `there is no handler "${activation.handler}" any more`);
      await ledger.record([resumeFact(activation, hash, `asked for by ${caller.name}`, calls)]);
      return { activation: name, status: 'resuming' as const };
    },
  }),
];
