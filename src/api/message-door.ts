import type { IncomingMessage, ServerResponse } from 'node:http';
import { callerFor } from './access/caller-for.js';
import { checked } from './checked.js';
import { answerDirectly } from './direct.js';
import type { ApiOptions } from './doors.js';
import { refuseWhileDraining } from './entrance.js';
import { readBody } from './request.js';
import { postAs, posting } from './routes/messages.js';

const PATH = '/api/v1/messages';

/** Takes messages; true when the request is one. What it takes, and from whom, is said by the endpoint of the same path. */
export const messageDoor = (
  options: Pick<ApiOptions, 'bus' | 'ledger' | 'gate' | 'audit' | 'metrics' | 'log' | 'isDraining'>,
) => {
  const answer = answerDirectly(options);
  const take = async (request: IncomingMessage, visitor: Parameters<typeof callerFor>[1]) => {
    options.gate.slowDown(visitor);
    refuseWhileDraining(options.isDraining, visitor.caller);
    const caller = callerFor(posting.scopes, visitor, options.gate);
    const rawBody = await readBody(request, PATH);
    const draft = checked(posting.body, posting.read(request.headers, rawBody));
    return { status: 202, body: await postAs(options, draft, caller) };
  };
  return (request: IncomingMessage, response: ServerResponse): boolean => {
    if (request.method !== 'POST' || request.url !== PATH) return false;
    void answer(request, response, { route: PATH, path: PATH, take });
    return true;
  };
};
