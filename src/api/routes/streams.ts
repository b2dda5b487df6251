import { z } from 'zod';
import type { ApiOptions } from '../doors.js';
import { endpoint, type Endpoint } from '../endpoint.js';
import { findRun } from '../run-control.js';
import { streamAllRuns } from '../streams/all-runs-stream.js';
import { offsetsOf, streamRun } from '../streams/run-stream.js';
import { runId, watchQuery } from './shapes.js';

const media = 'text/event-stream';

/** Streams answer at once and go on by themselves; what goes wrong then is for the log. */
const begun = (log: ApiOptions['log'], streaming: Promise<void>): undefined => {
  streaming.catch((error: unknown) => log.warn('a stream ended early', { reason: String(error) }));
  return undefined;
};

export const streamRoutes = (options: ApiOptions): Endpoint[] => [
  endpoint({
    method: 'get',
    path: '/api/v1/messages/stream',
    summary: 'Messages as they come; with Last-Event-ID (a msg_id) first those that were missed.',
    scopes: ['read', 'run'],
    query: watchQuery,
    media,
    handle: async ({ query: { since, ...filter }, ctx }) => {
      await options.hub.ready();
      const last = ctx.get('last-event-id');
      ctx.respond = false;
      options.hub.stream(ctx.res, {
        since: last === '' ? since : last,
        filters: Object.values(filter).some((value) => value !== undefined) ? [filter] : [],
      });
      return undefined;
    },
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/runs/stream',
    summary: 'What every living run writes, as it comes.',
    scopes: ['read'],
    media,
    handle: ({ ctx }) => begun(options.log, streamAllRuns(options, ctx)),
  }),
  endpoint({
    method: 'get',
    path: '/api/v1/runs/:run_id/stream',
    summary: 'What one run writes, from its beginning or from Last-Event-ID, until it ends.',
    scopes: ['read', 'run'],
    params: z.strictObject({ run_id: runId }),
    media,
    errors: ['not_found'],
    handle: ({ params, ctx }) => {
      const run = findRun(options, params.run_id);
      if (offsetsOf(ctx.get('last-event-id'))?.done) {
        // The one answer after which an EventSource does not come back.
        ctx.status = 204;
        return undefined;
      }
      return begun(options.log, streamRun(options, ctx, run));
    },
  }),
];
