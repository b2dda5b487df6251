import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerDirectly } from './direct.js';
import type { ApiOptions } from './doors.js';
import { refuseWhileDraining } from './entrance.js';
import { readBody } from './request.js';

const PATH = /^((?:\/api\/v1)?\/webhooks\/([A-Za-z0-9._-]{1,200}))(?:\?|$)/;
const ROUTE = '/api/v1/webhooks/:name';

/** Answers deliveries; true when the request is one. */
export const webhookDoor = (
  options: Pick<ApiOptions, 'webhooks' | 'gate' | 'audit' | 'metrics' | 'log' | 'isDraining'>,
) => {
  const answer = answerDirectly(options);
  return (request: IncomingMessage, response: ServerResponse): boolean => {
    const found = request.method === 'POST' ? PATH.exec(request.url ?? '') : null;
    if (found === null) return false;
    const [, path = '', name = ''] = found;
    const take = async () => {
      refuseWhileDraining(options.isDraining, undefined);
      const body = await options.webhooks.receive(name, request.headers, await readBody(request, path));
      if ('ignored' in body) options.metrics.ignored(name);
      // A challenge is only taken as answered with a 200.
      return { status: 'challenge' in body ? 200 : 202, body };
    };
    void answer(request, response, { route: ROUTE, path, take });
    return true;
  };
};
