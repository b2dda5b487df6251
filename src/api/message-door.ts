import type { IncomingMessage, ServerResponse } from 'node:http';
import { ConductorError } from '../core/errors.js';
import type { Draft } from '../core/event.js';
import type { Receipt } from '../core/ports.js';
import type { Caller } from './access/caller.js';
import { callerFor } from './access/caller-for.js';
import { checked } from './checked.js';
import { answerDirectly } from './direct.js';
import type { ApiOptions } from './doors.js';
import { refuseWhileDraining } from './entrance.js';
import { readBody } from './request.js';
import { postAs, posting } from './routes/messages.js';

const REFUSALS: ReadonlySet<string> = new Set(['bad_request', 'reserved_type']);
const PATH = '/api/v1/messages';

/** Takes messages; true when the request is one. What it takes, and from whom, is said by the endpoint of the same path. */
export const messageDoor = (
  options: Pick<ApiOptions, 'bus' | 'ledger' | 'gate' | 'audit' | 'metrics' | 'log' | 'isDraining'>,
) => {
  const answer = answerDirectly(options);
  const post = (given: unknown, caller: Caller): Promise<Receipt> =>
    postAs(options, checked(posting.body, given), caller);

  /** The bus checks as the schema does: undefined where it refuses, so that the schema says all that is wrong. */
  const tried = async (given: unknown, caller: Caller): Promise<Receipt | undefined> => {
    // To what a run says its depth and trust are added, so it has to be right before.
    if (caller.run !== undefined || typeof given !== 'object' || given === null || Array.isArray(given))
      return undefined;
    try {
      const [receipt] = await options.bus.append([{ source: 'api', ...given } as Draft]);
      return receipt;
    } catch (error) {
      if (error instanceof ConductorError && REFUSALS.has(error.code)) return undefined;
      throw error;
    }
  };

  const take = async (request: IncomingMessage, visitor: Parameters<typeof callerFor>[1]) => {
    options.gate.slowDown(visitor);
    refuseWhileDraining(options.isDraining, visitor.caller);
    const caller = callerFor(posting.scopes, visitor, options.gate);
    const given = posting.read(request.headers, await readBody(request, PATH));
    return { status: 202, body: (await tried(given, caller)) ?? (await post(given, caller)) };
  };
  return (request: IncomingMessage, response: ServerResponse): boolean => {
    if (request.method !== 'POST' || request.url !== PATH) return false;
    void answer(request, response, { route: PATH, path: PATH, take });
    return true;
  };
};
