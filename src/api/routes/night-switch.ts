import { z } from 'zod';
import type { ApiOptions } from '../doors.js';
import { endpoint, type Endpoint } from '../endpoint.js';

export const nightSwitchRoutes = ({ ledger }: ApiOptions): Endpoint[] =>
  (
    [
      ['pause', 'CONDUCTOR_PAUSED', 'Nothing new starts, also after a restart.'],
      ['unpause', 'CONDUCTOR_UNPAUSED', 'What was held back starts.'],
    ] as const
  ).map(([verb, type, summary]) =>
    endpoint({
      method: 'post',
      path: `/api/v1/${verb}`,
      summary,
      scopes: ['admin'],
      status: 202,
      answer: z.strictObject({ paused: z.boolean() }),
      handle: async ({ caller }) => {
        await ledger.record([{ type, source: `api:${caller.name}`, body: summary }]);
        return { paused: ledger.view.paused };
      },
    }),
  );
