import { z } from 'zod';
import type { ApiOptions } from '../doors.js';
import { decide } from '../decide.js';
import { endpoint, type Endpoint } from '../endpoint.js';
import { APPROVAL_STATUS, approvalRow } from '../lists/rows.js';
import { groupsOf } from '../lists/shelves.js';
import { pageOf, pageQuery } from './shapes.js';

export const approvalRoutes = (options: ApiOptions): Endpoint[] => [
  endpoint({
    method: 'get',
    path: '/api/v1/approvals',
    summary: 'What waits for a person, what was decided, and what nobody waits for any more.',
    scopes: ['read'],
    query: z.strictObject({ ...pageQuery, status: z.enum(APPROVAL_STATUS).optional() }),
    answer: pageOf('approvals', approvalRow),
    handle: ({ query: { cursor, limit, status } }) => {
      const { rows, next } = options.lists.approvals.page({
        limit,
        ...(cursor === undefined ? {} : { before: cursor }),
        groups: groupsOf({ status }),
      });
      return { approvals: rows, ...(next === undefined ? {} : { next }) };
    },
  }),
  endpoint({
    method: 'post',
    path: '/api/v1/approvals/decide',
    summary: 'Decides one of them. The first decision counts.',
    scopes: ['admin'],
    // The name has slashes, so it goes in the body.
    body: z.strictObject({
      approval: z.string().min(1).max(600),
      decision: z.enum(['approve', 'reject']),
      comment: z.string().max(10_000).optional(),
    }),
    answer: approvalRow,
    errors: ['not_found', 'conflict'],
    handle: async ({ body, caller, ctx }) => {
      const row = await decide(options, body, `api:${caller.name}`);
      ctx.state['decision'] = { approval: body.approval, decision: body.decision };
      return row;
    },
  }),
];
